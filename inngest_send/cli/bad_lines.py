"""The file of bad lines that a run skips, as they were: appended to, never emptied or replaced."""

from __future__ import annotations

import contextlib
import os

from .descriptor_io import write_all

_APPEND = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)  # which Windows has


class BadLinesFile:
    """Lines at the end of ``path``, each there as soon as it is added. ``lines``: how many were added."""

    def __init__(self, path: str) -> None:
        """Open the file, which is made where there is none. Raises OSError."""
        self.path = path
        self.lines = 0
        try:
            self._descriptor = os.open(path, _APPEND)
        except FileNotFoundError:
            self._descriptor = os.open(path, _APPEND | os.O_CREAT, 0o666)
        try:
            size = os.lseek(self._descriptor, 0, os.SEEK_END)
            if size:
                os.lseek(self._descriptor, size - 1, os.SEEK_SET)
            self._start = b"" if not size or os.read(self._descriptor, 1) == b"\n" else b"\n"
        except OSError as err:  # a pipe has no end to look at
            self.close()
            raise OSError(err.errno, err.strerror, path) from None

    def add(self, line: bytes) -> None:
        """Write a line. Raises OSError; then nothing of it is there."""
        size = os.fstat(self._descriptor).st_size
        try:
            write_all(self._descriptor, self._start + line + b"\n")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise
        self._start = b""
        self.lines += 1

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.fsync(self._descriptor)
        os.close(self._descriptor)
