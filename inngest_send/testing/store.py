"""What the Event API does with the body of a request: events stored, ids given, runs started. No sockets."""

from __future__ import annotations

import base64
import binascii
import itertools
import os
import re
import threading
import time
from collections import deque

from .gojson import GoError, read_value, skip_space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Tuple

MAX_EVENTS = 5000  # in one request
MAX_EVENT_SIZE = 3145728  # bytes of one event's JSON text
MIN_TS, MAX_TS = 315532800000, 4102444800000  # 1980 and 2100, in milliseconds
RUN_WINDOW = 24 * 60 * 60.0  # seconds for which an event's own id starts no second run

NOT_EVENTS = "Request body must contain an event object or an array of event objects"
TOO_MANY = f"Cannot have more than {MAX_EVENTS} events in a batch"

_SEED = re.compile(r"([0-9]{1,15}),([A-Za-z0-9+/]+={0,2})")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32, in which a ULID is written
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_GO_NAMES = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "bool"}
_GO_TYPES = {"name": "string", "id": "string", "ts": "int64", "data": "map[string]interface {}"}
_FIELD_TYPES = {"name": str, "id": str, "ts": int, "data": dict}


class StoredEvent:
    """An event as the server keeps it.

    ``internal_id``: the id in the answer. ``id``: the sender's own, or "". ``ts``: milliseconds; when it was received
    where the sender left it off. ``received_at``: Unix time in seconds. ``seed``: the request's seed header, or None.
    """

    __slots__ = ("data", "id", "internal_id", "name", "received_at", "seed", "ts")

    def __init__(self, internal_id: str, fields: Dict[str, Any], received_at: float, seed: Optional[str]) -> None:
        self.internal_id = internal_id
        self.id: str = fields.get("id") or ""
        self.name: str = fields["name"]
        self.data: Dict[str, Any] = fields.get("data") or {}
        self.ts: int = fields.get("ts") or int(received_at * 1000)
        self.received_at = received_at
        self.seed = seed

    def __repr__(self) -> str:
        return f"<{self.name!r} {self.internal_id} id={self.id!r} ts={self.ts} data={self.data!r}>"


class Store:
    """The events, and the runs they would have started. Safe to use from many threads.

    ``keep`` is how many of the newest events are kept, None for all.
    """

    def __init__(self, keep: Optional[int] = None, on_event: Optional[Callable[[StoredEvent], None]] = None) -> None:
        self.changed = threading.Condition()
        self.events: Deque[StoredEvent] = deque(maxlen=keep)
        self.runs: Deque[StoredEvent] = deque(maxlen=keep)
        self.count = 0  # of all that were stored
        self._on_event = on_event
        self._keep = keep
        self._run_at: Dict[str, float] = {}  # when a run was started for an id, in the order of time

    def take(self, body: bytes, seed: Optional[str]) -> Tuple[int, List[str], str]:
        """Store the events of a body; return status, ids and error text, as the server would answer."""
        received_at = time.time()
        new_id = _ids(seed)
        ids: List[str] = []
        stored: List[StoredEvent] = []
        error = ""
        try:
            for fields in _events(body):
                ids.append(next(new_id))
                stored.append(StoredEvent(ids[-1], fields, received_at, seed))
        except GoError as err:
            error = str(err)
        with self.changed:
            for event in stored:
                self._add(event)
            self.changed.notify_all()
        return 400 if error else 200, ids or [""], error

    def clear(self) -> None:
        """Forget all events and runs."""
        with self.changed:
            self.events.clear()
            self.runs.clear()
            self._run_at.clear()
            self.count = 0

    def _add(self, event: StoredEvent) -> None:
        self.events.append(event)
        self.count += 1
        keys = [event.internal_id] + ([f"id {event.id}"] if event.id else [])
        started = [self._run_at[key] for key in keys if key in self._run_at]
        if not any(event.received_at - at < RUN_WINDOW for at in started):
            self.runs.append(event)
            for key in keys:
                self._run_at.pop(key, None)
                self._run_at[key] = event.received_at
        while self._keep is not None and len(self._run_at) > 2 * self._keep:
            del self._run_at[next(iter(self._run_at))]
        if self._on_event is not None:
            self._on_event(event)


def _events(body: bytes) -> Iterator[Dict[str, Any]]:
    """Yield the events of a body up to the first bad one. Raises GoError there, as the server stops there."""
    text = _without_lone_surrogates(body.decode("utf-8", "replace"))
    at = skip_space(text, 0)
    if at == len(text):
        return
    if text[at] == "{":
        fields, at = _event(text, at)
        at = skip_space(text, at)
        if at < len(text):
            raise GoError(f"invalid character {text[at]!r} after top-level value")
        yield fields
    elif text[at] == "[":
        yield from _array(text, skip_space(text, at + 1))
    else:
        raise GoError(NOT_EVENTS)


def _array(text: str, at: int) -> Iterator[Dict[str, Any]]:
    if text.startswith("]", at):
        return
    for count in itertools.count():
        if at >= len(text):
            break
        fields, at = _event(text, at)
        if count == MAX_EVENTS:
            raise GoError(TOO_MANY)
        yield fields
        at = skip_space(text, at)
        if text.startswith("]", at):
            return
        if at < len(text) and text[at] != ",":
            raise GoError(f"invalid character {text[at]!r} after array element")
        at = skip_space(text, at + 1)
    raise GoError("unexpected end of JSON input")


def _event(text: str, start: int) -> Tuple[Dict[str, Any], int]:
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
    if name.lower().startswith("inngest/"):
        raise GoError(f"event name is reserved for internal use: {name}")
    if ts and ts < MIN_TS:
        raise GoError("timestamp is before Jan 1, 1980")
    if ts and ts > MAX_TS:
        raise GoError("timestamp is after Jan 1, 2100")
    (fields.get("data") or {}).pop("_inngest", None)
    return fields, end


def _without_lone_surrogates(text: str) -> str:
    """Return JSON text with U+FFFD for the escapes of lone surrogates."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\\ufffd" if match.group(1) else match.group(), text)


def _ids(seed: Optional[str]) -> Iterator[str]:
    """Yield the ids of the events of a request: derived from its seed, or random where that is none or malformed."""
    match = _SEED.fullmatch(seed or "")
    try:
        entropy = base64.b64decode(match.group(2), validate=True) if match else b""
    except binascii.Error:
        entropy = b""
    if match is None or len(entropy) != 10 or int(match.group(1)) >= 2**48:
        while True:
            yield _ulid(int(time.time() * 1000), os.urandom(10))
    for index in itertools.count(1):
        tail = (int.from_bytes(entropy[6:], "big") + index) % 2**32
        yield _ulid(int(match.group(1)), entropy[:6] + tail.to_bytes(4, "big"))


def _ulid(milliseconds: int, entropy: bytes) -> str:
    number = milliseconds << 80 | int.from_bytes(entropy, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
