"""What the commands print: ids on standard output, all else on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from .descriptor_io import write_all
from .program_name import program_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

_BUFFER = 65536  # characters
_is_over: Callable[[], bool] | None = None


class Output:
    """Standard output. A reader may close it early (``| head``), or its disk be full; nothing but output is lost then.

    ``has_failed``: some was lost, and not because the reader wanted no more.
    """

    def __init__(self) -> None:
        self.has_failed = False
        self._is_closed = False
        self._lines: list[str] = []
        self._size = 0
        self._lock = threading.RLock()  # a server's threads print

    def write(self, line: str) -> None:
        """Print a line, at the latest at the next ``flush``."""
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            if self._size > _BUFFER:
                self.flush()

    def flush(self) -> None:
        """Hand what was printed to the reader."""
        with self._lock:
            text = "".join(f"{line}\n" for line in self._lines)
            self._lines, self._size = [], 0
            if not text or self._is_closed:
                return
            try:
                _write(sys.stdout, text, text.encode("utf-8", "backslashreplace"))  # as JSON is, whatever the locale
            except OSError as err:
                self._is_closed = True
                _silence(sys.stdout)
                if not isinstance(err, BrokenPipeError):
                    self.has_failed = True
                    print_error(f"cannot write to standard output: {err}")


def write_stderr(text: str, end: str = "\n") -> None:
    """Write to standard error. What it does not take is lost: no event is lost for a message.

    Names of files that are not UTF-8 come out byte by byte as they are, so that a command can be pasted.
    """
    text += end
    encoding = sys.stderr.encoding or "utf-8"
    try:
        content = text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        content = text.encode(encoding, "backslashreplace")
    try:
        _write(sys.stderr, text, content)
    except OSError:
        _silence(sys.stderr)


@contextlib.contextmanager
def waiting_until(is_over: Callable[[], bool]) -> Iterator[None]:
    """While it is entered, wait for those who read the standard streams only until ``is_over`` says so."""
    global _is_over
    before, _is_over = _is_over, is_over
    try:
        yield
    finally:
        _is_over = before


def print_error(message: object, program: bool = True) -> None:
    """Print an error as one line."""
    text = " ".join(str(message).split())
    write_stderr(f"{program_name()}: {text}" if program else text)


def pluralize(number: int, noun: str) -> str:
    """Return how many there are of something."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def open_missing_streams() -> None:
    """Connect the standard streams that the program was started without (``>&-``) to nothing; they are None else."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode, closefd=False))  # noqa: SIM115  # to the end


def _write(stream: TextIO, text: str, content: bytes) -> None:
    """Write to a standard stream: the content, or the text where it is no plain descriptor. Raises OSError."""
    try:
        descriptor = stream.fileno() if os.name == "posix" else -1  # a Windows console takes no bytes
    except OSError:  # a test's stream
        descriptor = -1
    if descriptor >= 0:
        write_all(descriptor, content, _is_over)
    else:
        stream.write(text)
        stream.flush()


def _silence(stream: TextIO) -> None:
    # Into nothing goes also what is still buffered, of which the interpreter would complain at its end.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
