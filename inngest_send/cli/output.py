"""What the commands print: ids on standard output, all else on standard error."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..testing import StoredEvent


class Output:
    """Standard output, which a reader may close early (``| head``): what follows is lost to it, and nothing else."""

    def __init__(self) -> None:
        self._is_closed = False

    def write(self, line: str) -> None:
        """Print a line."""
        if not self._is_closed:
            try:
                sys.stdout.write(f"{line}\n")
            except BrokenPipeError:
                self._close()

    def flush(self) -> None:
        """Hand what was printed to the reader."""
        if not self._is_closed:
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                self._close()

    def _close(self) -> None:
        self._is_closed = True
        # What is still buffered goes nowhere, so that the interpreter does not complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: object, program: bool = True) -> None:
    """Print an error as one line."""
    text = " ".join(str(message).split())
    print(f"inngest_send: {text}" if program else text, file=sys.stderr)


def event_line(event: StoredEvent) -> str:
    """Return a received event on one line: time, name, internal id, and data as far as the terminal is wide."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.received_at))
    data = json.dumps(event.data, ensure_ascii=False)
    line = f"{clock} {event.name} {event.internal_id} {data}"
    line = "".join(character if character.isprintable() else "?" for character in line)
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 3] + "..."
