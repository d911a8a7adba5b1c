"""What the server reads in the body of a request: its events, up to the first bad one."""

from __future__ import annotations

import itertools
import re

from .gojson import GoError, read_value, skip_space, unexpected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MAX_EVENTS = 5000  # in one request
MAX_EVENT_SIZE = 3145728  # bytes of one event's JSON text
MIN_TS, MAX_TS = 315532800000, 4102444800000  # 1980 and 2100, in milliseconds
RESERVED = "inngest/"  # what no name may begin with

NOT_EVENTS = "Request body must contain an event object or an array of event objects"
TOO_MANY = f"Cannot have more than {MAX_EVENTS} events in a batch"

_HIGH, _LOW, _ANY = (rf"u[dD][{second}][0-9a-fA-F]{{2}}" for second in ("89abAB", "c-fC-F", "89a-fA-F"))
_ESCAPE = re.compile(rf"\\(?:{_HIGH}\\{_LOW}|({_ANY})|.)", re.DOTALL)  # group 1: that of a lone surrogate
_GO_NAMES = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "bool"}
_GO_TYPES = {"name": "string", "id": "string", "ts": "int64", "data": "map[string]interface {}"}
_FIELD_TYPES = {"name": str, "id": str, "ts": int, "data": dict}


def read_events(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the events of a body up to the first bad one. Raises GoError there, as the server stops there."""
    text = _without_lone_surrogates(body.decode("utf-8", "replace"))
    at = skip_space(text, 0)
    if at == len(text):
        return
    if text[at] == "{":
        fields, at = _event(text, at)
        at = skip_space(text, at)
        if at < len(text):
            raise unexpected(text[at], "after top-level value")
        yield fields
    elif text[at] == "[":
        yield from _array(text, skip_space(text, at + 1))
    else:
        raise GoError(NOT_EVENTS)


def _array(text: str, at: int) -> Iterator[dict[str, Any]]:
    if text.startswith("]", at):
        return
    for count in itertools.count():
        fields, at = _event(text, at)
        if count == MAX_EVENTS:
            raise GoError(TOO_MANY)
        yield fields
        at = skip_space(text, at)
        if text.startswith("]", at):
            return
        if at < len(text) and text[at] != ",":
            raise unexpected(text[at], "after array element")
        at = skip_space(text, at + 1)


def _event(text: str, start: int) -> tuple[dict[str, Any], int]:
    """Return the event that begins at ``start``, and where it ends. Raises GoError when the server would refuse it."""
    fields, end = read_value(text, start)
    size = end - start
    if size > MAX_EVENT_SIZE // 4:
        size = len(text[start:end].encode())
    if size > MAX_EVENT_SIZE:
        raise GoError(f"Event is over the max size: Max {MAX_EVENT_SIZE} bytes / Size {size} bytes")
    if fields is None:
        fields = {}
    if type(fields) is not dict:
        raise GoError(f"json: cannot unmarshal {_GO_NAMES[type(fields)]} into Go value of type event.raw")
    for field, value in fields.items():
        kind = _FIELD_TYPES.get(field)
        if kind is not None and value is not None and type(value) is not kind:
            what = _GO_NAMES[type(value)] + (f" {value}" if type(value) is float and kind is int else "")
            raise GoError(f"json: cannot unmarshal {what} into Go struct field raw.{field} of type {_GO_TYPES[field]}")
    name, ts = fields.get("name"), fields.get("ts")
    if not name:
        raise GoError("event name is empty")
    if _go_lower(name[: len(RESERVED)]) == RESERVED:
        raise GoError(f"event name is reserved for internal use: {name}")
    if ts and ts < MIN_TS:
        raise GoError("timestamp is before Jan 1, 1980")
    if ts and ts > MAX_TS:
        raise GoError("timestamp is after Jan 1, 2100")
    (fields.get("data") or {}).pop("_inngest", None)
    return fields, end


def _go_lower(text: str) -> str:
    # Python makes two characters of U+0130, a capital I with a dot; Go a plain "i".
    return text.replace("\u0130", "i").lower()


def _without_lone_surrogates(text: str) -> str:
    """Return JSON text with U+FFFD for the escapes of lone surrogates."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\\ufffd" if match.group(1) else match.group(), text)
