"""The file of what is left to send: written beside its place, and put there at the end in one step."""

from __future__ import annotations

import contextlib
import os
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO


class UnsentFile:
    """Lines for ``path``, which changes only when they are committed."""

    def __init__(self, path: str) -> None:
        """Make the file beside ``path``. Raises OSError when it, or a byte in it, could not be written."""
        self.path = path
        self.lines = 0
        self._target = os.path.realpath(path)
        if os.path.exists(self._target) and not os.path.isfile(self._target):
            raise OSError(f"{path} is no regular file")
        if os.path.exists(self._target) and not os.access(self._target, os.W_OK):
            raise PermissionError(f"{path} cannot be written to")
        folder, name = os.path.split(self._target)
        descriptor, self._made = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        self._file: IO[bytes] = open(descriptor, "wb")  # noqa: SIM115  # commit() or discard() closes it
        try:
            self._file.write(b"\n")
            self._file.flush()
            self._file.seek(0)
            self._file.truncate()
        except BaseException:
            self.discard()
            raise

    def add(self, line: bytes) -> None:
        """Write a line. Raises OSError."""
        self._file.write(line + b"\n")
        self.lines += 1

    def commit(self) -> None:
        """Put the file in its place. Raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._made, self._target)

    def discard(self) -> None:
        """Leave the path as it was."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            os.remove(self._made)
