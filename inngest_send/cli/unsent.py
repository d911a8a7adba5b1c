"""The file of what is left to send: one run's at a time, replaced at the end in one step, and written so that no line
is lost whatever happens.

It is locked from the start to the end of the run. The lock is on the file itself (``flock``; the other kind, of
``lockf``, would be gone when the same file, read as ``--file``, is closed), so after it was had its inode is compared
with that of the path: an earlier run may have put another file in its place. What is left is written to a temporary
file beside it, which then replaces it. Where that cannot be, as in a bind mount (EBUSY), another user's sticky folder
(EPERM), or for a file whose owner and group could not stay, it is copied over the old content; if even that fails the
temporary file stays, and ``place`` names it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile

from .descriptor_io import write_all
from .output import pluralize

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

CAN_LOCK = fcntl is not None
_CHUNK = 1024 * 1024  # bytes
_READ_AND_WRITE = os.O_RDWR | getattr(os, "O_BINARY", 0)  # which Windows has
_NOT_HERE = (errno.EACCES, errno.EPERM, errno.EROFS)  # a file cannot be made in this folder


class UnsentFile:
    """Lines for ``path``, which changes only when they are committed.

    ``place``: where they are after ``commit`` or ``keep``; the path, unless they could not be put there.
    ``lines``: how many were added.
    """

    def __init__(self, path: str, inputs: Sequence[str]) -> None:
        """Lock the file, which is made empty where there is none; ``inputs`` are the paths that are read.

        Raises OSError when it could not be written later, when another run has it, and when it holds what is not
        among the inputs, and so would be lost.
        """
        self.path = self.place = path
        self.lines = 0
        self._target = os.path.realpath(path)
        self._made = ""  # the temporary file
        self._file: BinaryIO | None = None  # it, while it is written
        self._can_replace = True
        self._descriptor, self._is_new = _open_locked(path, self._target)
        try:
            self._status = os.fstat(self._descriptor)
            if self._status.st_size and not any(is_same_file(path, other) for other in inputs):
                count = pluralize(_count_lines(self._descriptor), "line")
                way_out = f"send them too with --file {path}, or move it away"
                raise OSError(f"{path} holds {count} of an earlier run: {way_out}")
            self._write(b"\n")  # a full disk is noticed now
            self._remove()
        except BaseException:
            self.discard()
            raise
        if fcntl is None:
            self._unlock()  # Windows replaces no file that is open

    def add(self, line: bytes) -> None:
        """Write a line. Raises OSError."""
        self._write(line + b"\n")
        self.lines += 1

    def commit(self) -> None:
        """Put the lines in their place. Raises OSError; then ``place`` says where they are."""
        if self._file is None:
            self._is_new = False
            self._overwrite("")
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._is_new = False
        if self._can_replace:
            with contextlib.suppress(OSError):
                os.replace(self._made, self._target)
                self._made = ""
                _sync_folder(self._target)
                return
        try:
            self._overwrite(self._made)
        except OSError:
            self.place, self._made = self._made, ""
            raise
        self._remove()

    def keep(self) -> None:
        """Leave the path as it was, and keep the lines that could be written; ``place`` says where."""
        if self._file is not None and self.lines:
            self._close()
            self.lines = _cut_to_lines(self._made)
            self.place, self._made = self._made, ""

    def discard(self) -> None:
        """Let others have the file. What was neither committed nor kept is removed, and the file if it is new."""
        self._remove()
        if self._is_new:
            with contextlib.suppress(OSError):
                os.remove(self._target)
        self._unlock()

    def _write(self, content: bytes) -> None:
        if self._file is None:
            self._make()
        assert self._file is not None
        self._file.write(content)
        if not self.lines:
            self._file.flush()

    def _make(self) -> None:
        """Make the temporary file, with owner, group and mode of the one that it is to replace. Raises OSError."""
        folder, name = os.path.split(self._target)
        try:
            descriptor, self._made = tempfile.mkstemp(prefix=f".{name[:50]}.", dir=folder)
        except OSError as err:
            if err.errno not in _NOT_HERE:
                raise OSError(err.errno, err.strerror, self.path) from None
            self._can_replace = False
            descriptor, self._made = tempfile.mkstemp(prefix=f"{name[:50]}.")
        self._file = open(descriptor, "wb")  # noqa: SIM115  # commit(), keep() or discard() closes it
        if hasattr(os, "fchown"):
            made, wanted = os.fstat(descriptor), self._status
            try:
                if (made.st_uid, made.st_gid) != (wanted.st_uid, wanted.st_gid):
                    os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(wanted.st_mode))
            except OSError:
                self._can_replace = False

    def _overwrite(self, source: str) -> None:
        """Give the file the content of another one, or none, where it stands. Raises OSError."""
        descriptor = os.open(self._target, _READ_AND_WRITE)
        try:
            size = 0
            if source:
                with open(source, "rb") as lines:
                    for chunk in iter(lambda: lines.read(_CHUNK), b""):
                        write_all(descriptor, chunk)
                        size += len(chunk)
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)  # of old and new together nobody could make anything
            raise
        finally:
            os.close(descriptor)

    def _remove(self) -> None:
        self._close()
        if self._made:
            with contextlib.suppress(OSError):
                os.remove(self._made)
            self._made = ""

    def _close(self) -> None:
        """Close the temporary file, once: what it could not write then, a second time is a ValueError."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _unlock(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_same_file(path: str, other: str) -> bool:
    """Return whether two paths lead to the same file, which need not be there."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return os.path.realpath(path) == os.path.realpath(other)


def _open_locked(path: str, target: str) -> tuple[int, bool]:
    """Return a descriptor that has the lock, and whether the file was made here. Raises OSError."""
    while True:
        if path.endswith(os.sep) or (os.path.exists(target) and not os.path.isfile(target)):
            raise OSError(f"{path} is no regular file")
        is_new = False
        try:
            descriptor = os.open(target, _READ_AND_WRITE)
        except FileNotFoundError:
            try:
                descriptor = os.open(target, _READ_AND_WRITE | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                continue
            is_new = True
        try:
            _lock(descriptor, path)
            if os.path.samestat(os.fstat(descriptor), os.stat(target)):
                return descriptor, is_new
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # what an earlier run has replaced by now


def _lock(descriptor: int, path: str) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(f"{path} is in use by another run: let it end, or give this one a file of its own") from None
    except OSError:
        pass  # some file systems have no locks


def _count_lines(descriptor: int) -> int:
    count, last = 0, b"\n"
    for chunk in iter(lambda: os.read(descriptor, _CHUNK), b""):
        count += chunk.count(b"\n")
        last = chunk[-1:]
    return count + (last != b"\n")


def _cut_to_lines(path: str) -> int:
    """Remove what comes after the last end of a line in a file; return how many lines there are."""
    with open(path, "rb+") as file:
        count = size = 0
        for line in file:
            if line.endswith(b"\n"):
                count += 1
                size += len(line)
        file.truncate(size)
    return count


def _sync_folder(path: str) -> None:
    """Have the disk hold the name of a file too, where that can be."""
    with contextlib.suppress(OSError):
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
