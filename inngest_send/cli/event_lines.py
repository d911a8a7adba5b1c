"""Makes an event of the text of one line, and a line of an event."""

from __future__ import annotations

import json

from ..errors import EventInvalidError
from ..event import MAX_EVENT_SIZE, Event, encode_event
from ..serialization.encoding import encode, encode_again
from .json_text import BadLineError, read_json
from .text_checks import is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAMES = ("name", "data", "id", "ts")
EVENT_FIELDS = frozenset(_NAMES)
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class EventReader:
    """Reads lines that are events: objects with ``name``, ``data``, ``id`` and ``ts``."""

    def read(self, text: bytes, id: str) -> Event:
        """Return the event that a line holds; it gets ``id`` unless it has one. Raises BadLineError."""
        fields = read_json(text)
        if not isinstance(fields, dict):
            raise BadLineError("expected a JSON object")
        if not EVENT_FIELDS.issuperset(fields):
            field = next(field for field in fields if field not in EVENT_FIELDS)
            names = ", ".join(_NAMES)
            raise BadLineError(f"{field[:50]!a} is no field of an event; there are {names} (for rows see --as)")
        if "name" not in fields:
            raise BadLineError("name: missing")
        has_plain_data = is_plain(text)
        if not all(fields.values()):  # null, say, is left off
            text = b""
            if fields.get("id", "") in (None, ""):
                fields.pop("id", None)
        if id and "id" not in fields:
            fields["id"] = id
            text = text and b'%b,"id":"%b"}' % (text[:-1], id.encode())
        return make_event(text, fields, has_plain_data=has_plain_data)

    def to_line(self, text: bytes, id: str) -> bytes:
        """Return the line that the file of what was not sent gets, with an id; what is no event stays as it is."""
        try:
            return write_event(self.read(text, id))
        except BadLineError:
            return text


def make_event(text: bytes, fields: dict[str, Any], *, has_plain_data: bool) -> Event:
    """Return the event of these fields, which goes out as ``text``, or encoded anew. Raises BadLineError.

    ``has_plain_data``: the data, where it is a dict, holds nothing that an event may not have.
    """
    if len(text) > MAX_EVENT_SIZE:
        text = b""  # perhaps only its spaces make it too large
    data = fields.get("data") if has_plain_data and text else None
    if type(data) is dict and "_inngest" not in data:
        fields["data"] = None  # and put in below, so that nothing walks over it
    else:
        data = None
    try:
        event = Event(**fields)
        if data is not None:
            event.data = data
        event._encoded = text or encode_event(event, encode, encode_again)  # which refuses what is too large
    except EventInvalidError as err:
        raise BadLineError(str(err)) from None
    return event


def write_event(event: Event) -> bytes:
    """Return an event as the text of a line that ``EventReader`` reads."""
    if event._encoded:
        return event._encoded
    fields: dict[str, Any] = {"name": event.name, "data": event.data, "id": event.id, "ts": event.ts}
    fields = {field: value for field, value in fields.items() if value}
    return to_json(fields)


def to_json(value: Any, errors: str = "surrogatepass") -> bytes:
    """Return a value as JSON on one line. ``errors``: what is made of a lone surrogate, which no event may have."""
    return _write(value).encode("utf-8", errors)
