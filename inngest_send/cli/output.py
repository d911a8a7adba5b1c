"""What the commands print: ids on standard output, all else on standard error."""

from __future__ import annotations

import json
import shutil
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..testing import StoredEvent


def complain(message: object) -> None:
    """Print an error as one line."""
    text = " ".join(str(message).split())
    print(f"inngest_send: {text}", file=sys.stderr)


def event_line(event: StoredEvent) -> str:
    """Return a received event on one line: time, name, internal id, and data as far as the terminal is wide."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.received_at))
    data = json.dumps(event.data, ensure_ascii=False)
    line = f"{clock} {event.name} {event.internal_id} {data}"
    line = "".join(character if character.isprintable() else "?" for character in line)
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 3] + "..."
