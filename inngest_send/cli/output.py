"""What the commands print: ids on standard output, all else on standard error."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Output:
    """Standard output. A reader may close it early (``| head``), or its disk be full; nothing but output is lost then.

    ``has_failed``: some was lost, and not because the reader wanted no more.
    """

    def __init__(self) -> None:
        self.has_failed = False
        self._is_closed = False
        if isinstance(sys.stdout, io.TextIOWrapper):  # JSON is UTF-8, whatever the locale
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")

    def write(self, line: str) -> None:
        """Print a line."""
        if not self._is_closed:
            try:
                sys.stdout.write(f"{line}\n")
            except OSError as err:
                self._close(err)

    def flush(self) -> None:
        """Hand what was printed to the reader."""
        if not self._is_closed:
            try:
                sys.stdout.flush()
            except OSError as err:
                self._close(err)

    def _close(self, error: OSError) -> None:
        self._is_closed = True
        _silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            self.has_failed = True
            print_error(f"cannot write to standard output: {error}")


def write_stderr(text: str, end: str = "\n") -> None:
    """Write to standard error. What it does not take is lost: no event is lost for a message."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def print_error(message: object, program: bool = True) -> None:
    """Print an error as one line."""
    text = " ".join(str(message).split())
    write_stderr(f"inngest_send: {text}" if program else text)


def pluralize(number: int, noun: str) -> str:
    """Return how many there are of something."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def open_missing_streams() -> None:
    """Connect the standard streams that the program was started without (``>&-``) to nothing; they are None else."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode, closefd=False))  # noqa: SIM115  # to the end


def _silence(stream: TextIO) -> None:
    # Into nothing goes also what is still buffered, of which the interpreter would complain at its end.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
