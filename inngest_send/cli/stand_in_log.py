"""What a stand-in server received, one line each: for people, or as JSON for programs."""

from __future__ import annotations

import json
import os
import time

from ..testing.gojson import to_json
from .output import pluralize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from ..testing import Refusal, StoredEvent


def event_line(event: StoredEvent, width: int | None = None) -> str:
    """Return an event: time, name, internal id, the sender's id if it has one, ts, data; cut to ``width`` columns."""
    id = f" id={event.id}" if event.id else ""
    data = to_json(event.fields.get("data"))  # null where there is none, as the server shows it
    line = f"{_clock(event.received_at)} {event.name} {event.internal_id}{id} ts={event.ts} {data}"
    return _printable(line, width)


def refusal_line(refusal: Refusal, width: int | None = None) -> str:
    """Return a refusal: time, status, reason; cut to ``width`` columns."""
    accepted = f"; {pluralize(refusal.accepted, 'event')} before it accepted" if refusal.accepted else ""
    return _printable(f"{_clock(refusal.received_at)} refused, {refusal.status}: {refusal.error}{accepted}", width)


def json_line(received: StoredEvent | Refusal) -> str:
    """Return an event as ``GET /v1/events`` shows it, or a refusal, which has an ``error``."""
    return to_json(received.to_dict())


def terminal_width(stream: TextIO) -> int | None:
    """Return how many columns a terminal has. None, too, for what is no terminal, or does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _printable(line: str, width: int | None) -> str:
    if width is not None:
        line = line[: width + 1]
    if not line.isprintable():
        line = "".join(part if part.isprintable() else json.dumps(part)[1:-1] for part in line)
    return line if width is None or len(line) <= width else f"{line[: max(0, width - 3)]}..."[:width]
