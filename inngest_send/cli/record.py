"""Makes an event of the text of one line, and gives it an id."""

from __future__ import annotations

import hashlib
import json
import os

from ..errors import EventInvalidError
from ..event import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from .source import Source

FIELDS = ("name", "data", "id", "ts")
IDS = ("random", "stable", "none")
"""How an event without an id gets one."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class BadLineError(Exception):
    """A line that is no event that could be sent; the message does not show its values."""


def read_event(text: bytes) -> Event:
    """Return the event that a line holds. Raises BadLineError."""
    try:
        fields = json.loads(text.decode())
    except UnicodeDecodeError:
        raise BadLineError("not UTF-8") from None
    except (ValueError, RecursionError) as err:
        raise BadLineError(f"not JSON: {err}") from None
    if not isinstance(fields, dict):
        raise BadLineError("expected a JSON object")
    for field in fields:
        if field not in FIELDS:
            raise BadLineError(f"{field[:50]!a} is no field of an event; there are {', '.join(FIELDS)}")
    if "name" not in fields:
        raise BadLineError("name: missing")
    try:
        return Event(**fields)
    except EventInvalidError as err:
        raise BadLineError(str(err)) from None


def write_event(event: Event) -> bytes:
    """Return an event as the text of a line that ``read_event`` reads."""
    fields: Dict[str, Any] = {"name": event.name, "data": event.data, "id": event.id, "ts": event.ts}
    fields = {field: value for field, value in fields.items() if value}
    return _encode(fields).encode()


def add_id(text: bytes, id: str) -> bytes:
    """Return a line with an id, unless it has one. What else it holds is not looked at; a bad line stays bad."""
    try:
        fields = json.loads(text.decode())
        if not isinstance(fields, dict) or fields.get("id") not in (None, ""):
            return text
        fields["id"] = id
        return _encode(fields).encode()
    except (ValueError, RecursionError):
        return text


def new_id(kind: str, source: Source, number: int, text: bytes) -> str:
    """Return an id of one of the kinds in IDS for an event that has none.

    A stable one is derived from the line, its number and the file's own name: the same file gives the same ids
    again, wherever it lies.
    """
    if kind == "none":
        return ""
    if kind == "random":
        return os.urandom(16).hex()
    name = os.path.basename(source.path)
    name = name[:-3] if name.endswith(".gz") else name
    return hashlib.sha256(b"\0".join((name.encode("utf-8", "surrogateescape"), b"%d" % number, text))).hexdigest()[:32]
