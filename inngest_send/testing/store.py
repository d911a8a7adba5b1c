"""What becomes of requests: events stored, runs started, refusals noted. No sockets."""

from __future__ import annotations

import threading
import time
from collections import deque

from .body import read_events
from .gojson import GoError, to_json
from .ids import event_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RUN_WINDOW = 24 * 60 * 60.0  # seconds for which an event's own id starts no second run
NO_ACCOUNT = "00000000-0000-0000-0000-000000000000"


class StoredEvent:
    """An event as the server keeps it.

    ``internal_id``: the id in the response. ``id``: the sender's own, or "". ``ts``: milliseconds; when it was received
    where the sender left it off. ``received_at``: Unix time in seconds. ``seed``: the request's seed header, or None.
    ``fields``: the whole event as it was read, with what has no attribute here, as ``user`` and ``v``.
    """

    __slots__ = ("data", "fields", "id", "internal_id", "name", "received_at", "seed", "ts")

    def __init__(self, internal_id: str, fields: dict[str, Any], received_at: float, seed: str | None) -> None:
        self.internal_id = internal_id
        self.fields = fields
        self.id: str = fields.get("id") or ""
        self.name: str = fields["name"]
        self.data: dict[str, Any] = fields.get("data") or {}
        self.ts: int = fields.get("ts") or int(received_at * 1000)
        self.received_at = received_at
        self.seed = seed

    def __repr__(self) -> str:
        try:
            data = repr(self.data)
        except RecursionError:
            data = to_json(self.data)
        return f"<{self.name!r} {self.internal_id} id={self.id!r} ts={self.ts} data={data}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the event as ``GET /v1/events`` shows it."""
        shown: dict[str, Any] = {
            "internal_id": self.internal_id,
            "account_id": NO_ACCOUNT,
            "environment_id": NO_ACCOUNT,
            "source": "",
            "source_id": None,
            "received_at": format_time(self.received_at),
            "id": self.id or self.internal_id,
            "name": self.name,
            "data": self.fields.get("data"),
            "user": self.fields.get("user"),
            "ts": self.ts,
            "v": self.fields.get("v"),
        }
        return {field: value for field, value in shown.items() if value is not None or field not in ("user", "v")}


class Refusal:
    """A request that the server did not take, or not to its end.

    ``status``, ``error``: what was answered, and why. ``accepted``: how many events it stored before the first bad one.
    ``received_at``: Unix time in seconds.
    """

    __slots__ = ("accepted", "error", "received_at", "status")

    def __init__(self, status: int, error: str, accepted: int = 0) -> None:
        self.status = status
        self.error = error
        self.accepted = accepted
        self.received_at = time.time()

    def __repr__(self) -> str:
        return f"<{self.status} {self.error!r}, {self.accepted} accepted>"

    def to_dict(self) -> dict[str, Any]:
        """Return what is known of it, ready for JSON."""
        shown = {"received_at": format_time(self.received_at), "status": self.status, "error": self.error}
        return {**shown, "accepted": self.accepted}


class Store:
    """The events, the runs they would have started, and the refusals. Safe to use from many threads.

    ``keep`` is how many of the newest of each are kept, None for all. ``on_event`` and ``on_refusal`` are called with
    each, one at a time.
    """

    def __init__(
        self,
        keep: int | None = None,
        on_event: Callable[[StoredEvent], None] | None = None,
        on_refusal: Callable[[Refusal], None] | None = None,
    ) -> None:
        self.changed = threading.Condition()
        self.events: deque[StoredEvent] = deque(maxlen=keep)
        self.runs: deque[StoredEvent] = deque(maxlen=keep)
        self.refusals: deque[Refusal] = deque(maxlen=keep)
        self.count = 0  # of all that were stored
        self.refusal_count = 0
        self._on_event = on_event
        self._on_refusal = on_refusal
        self._keep = keep
        self._run_at: dict[str, float] = {}  # when a run was started for an id, in the order of time

    def receive(self, body: bytes, seed: str | None) -> tuple[int, list[str], str]:
        """Store the events of a body; return status, ids and error text, as the server would respond."""
        received_at = time.time()
        new_id = event_ids(seed)
        ids: list[str] = []
        stored: list[StoredEvent] = []
        error = ""
        try:
            for fields in read_events(body):
                ids.append(next(new_id))
                stored.append(StoredEvent(ids[-1], fields, received_at, seed))
        except GoError as err:
            error = str(err)
        with self.changed:
            for event in stored:
                self._add(event)
            self.changed.notify_all()
        if error:
            self.refuse(400, error, len(ids))
        return 400 if error else 200, ids or [""], error

    def refuse(self, status: int, error: str, accepted: int = 0) -> None:
        """Note a refusal."""
        refusal = Refusal(status, error, accepted)
        with self.changed:
            self.refusals.append(refusal)
            self.refusal_count += 1
            if self._on_refusal is not None:
                self._on_refusal(refusal)

    def clear(self) -> None:
        """Forget all events, runs and refusals."""
        with self.changed:
            self.events.clear()
            self.runs.clear()
            self.refusals.clear()
            self._run_at.clear()
            self.count = self.refusal_count = 0

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


def format_time(seconds: float) -> str:
    """Return a Unix time as RFC 3339 has it, to the microsecond, without zeros at its end."""
    whole, microseconds = divmod(int(seconds * 1000000), 1000000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{microseconds:06}"
    return text.rstrip("0").rstrip(".") + "Z"
