"""Reads from and writes to descriptors in whatever state they were handed on.

A standard stream may be set to non-blocking, since its state is shared with every process that has it: a sibling's
choice. Python's own streams then lose what was not taken at once, and its unbuffered ones (PYTHONUNBUFFERED) drop what
is left of a write that was taken in part, as on a full disk. So everything here waits, and goes on until all is done.
"""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_LOOK = 0.1  # seconds between looks at whether to wait on
_PIPE_BUF = getattr(select, "PIPE_BUF", 512)  # bytes that a pipe takes at once when it takes any
_CAN_POLL = hasattr(select, "poll")  # select() cannot take descriptors above 1023


def read(file: BinaryIO, size: int) -> bytes:
    """Return up to ``size`` bytes as soon as there are some, b"" at the end; not those in the file's own buffer.

    Raises OSError.
    """
    if os.name != "posix":
        return file.read1(size)  # type: ignore[attr-defined,no-any-return]  # a Windows console has no other bytes
    while True:
        try:
            return os.read(file.fileno(), size)
        except BlockingIOError:
            wait_to_read(file.fileno())


def write_all(descriptor: int, content: bytes, is_over: Callable[[], bool] | None = None) -> None:
    """Write all of it. Raises OSError: TimeoutError, too, when the reader takes nothing and ``is_over`` says so."""
    rest = memoryview(content)
    size = len(rest) if is_over is None else _PIPE_BUF
    while rest:
        while is_over is not None and not _wait(descriptor, _LOOK, to_write=True):
            if is_over():
                raise TimeoutError("nobody reads it")
        try:
            rest = rest[os.write(descriptor, rest[:size]) :]
        except BlockingIOError:
            _wait(descriptor, None, to_write=True)


def wait_to_read(descriptor: int, timeout: float | None = None) -> bool:
    """Wait until there is something to read, or the end, for so many seconds at most; return whether there is."""
    return _wait(descriptor, timeout, to_write=False)


def _wait(descriptor: int, timeout: float | None, *, to_write: bool) -> bool:
    if not _CAN_POLL:
        ready = select.select([] if to_write else [descriptor], [descriptor] if to_write else [], [], timeout)
        return any(ready)
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if to_write else select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout * 1000)))
