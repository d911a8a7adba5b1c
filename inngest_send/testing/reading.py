"""Shows events to programs as the Dev Server does: ``/v1/events``, what is below it, ``/health``. No sockets."""

from __future__ import annotations

import calendar
import heapq
import operator
import re
import time
from urllib.parse import parse_qs

from .response import JSON, TEXT, Response, json_response
from .store import format_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .store import Store, StoredEvent

DEFAULT_LIMIT = 20  # events
CACHE_SECONDS = 5

_KIND = {"X-Inngest-Server-Kind": "dev"}
_ULID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile("[-+]?[0-9]{1,18}")
_TIME = re.compile(
    "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]+))?(?:Z|([-+])([0-9]{2}):([0-9]{2}))"
)


class _QueryError(ValueError):
    """What the server says of a request that it does not understand."""


def is_readable(path: str) -> bool:
    """Tell whether a path is one of those that are answered here."""
    return path in ("/health", "/v1") or path.startswith("/v1/")


def respond(store: Store, method: str, path: str, query: str) -> Response:
    """Return the response to a request for a readable path."""
    parts = path.split("/")[2:]  # below /v1; of /health there are none
    is_events = parts[:1] == ["events"] and parts[2:] in ([], ["runs"]) and "" not in parts
    if path != "/health" and not is_events:
        return Response(404, {**TEXT, **_KIND}, b"404 page not found\n")
    if method != "GET":
        return Response(405, {"Allow": "GET", **_KIND})
    if path == "/health":
        return json_response(200, {**JSON, **_KIND}, {"status": 200, "message": "OK"})
    try:
        return _event(store, parts[1], wants_runs=len(parts) == 3) if parts[1:] else _events(store, query)
    except _QueryError as err:
        return _error(400, str(err))


def _events(store: Store, query: str) -> Response:
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    text = fields.get("limit", "")
    limit = int(text) if _INTEGER.fullmatch(text) else 0
    with store.changed:
        events = list(store.events)
    # Newest first is by id, as the server has it: what arrived twice stands together.
    by_id = operator.attrgetter("internal_id")
    newest = heapq.nlargest(max(1, limit or DEFAULT_LIMIT), _matching(events, fields), key=by_id)
    return _data([event.to_dict() for event in newest])


def _event(store: Store, internal_id: str, *, wants_runs: bool) -> Response:
    if not _ULID.fullmatch(internal_id):
        raise _QueryError(f"Invalid event ID: {internal_id}")
    if wants_runs:  # of which there are none: no function is registered
        return _data([], CACHE_SECONDS)
    with store.changed:
        events = list(store.events)
    for event in events:
        if event.internal_id == internal_id.upper():
            return _data(event.to_dict(), CACHE_SECONDS)
    return _error(404, "Event not found")


def _matching(events: list[StoredEvent], fields: dict[str, str]) -> Iterator[StoredEvent]:
    name, cursor = fields.get("name", ""), fields.get("cursor", "")
    if cursor and not _ULID.fullmatch(cursor):
        raise _QueryError("Invalid cursor query parameter")
    after, before = _bound(fields, "received_after"), _bound(fields, "received_before")
    for event in reversed(events):
        received_at = int(event.received_at * 1000000)
        if (
            (not name or event.name == name)
            and (not cursor or event.internal_id < cursor.upper())
            and (after is None or received_at >= after)
            and (before is None or received_at <= before)
        ):
            yield event


def _bound(fields: dict[str, str], field: str) -> int | None:
    """Return a time in RFC 3339 as microseconds since 1970, or None where there is none. Raises _QueryError."""
    text = fields.get(field)
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        clock, fraction, sign, hours, minutes = match.groups("")
        seconds = calendar.timegm(time.strptime(clock, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        raise _QueryError(f"Invalid {field} query parameter") from None
    if sign:
        offset = (int(hours) * 60 + int(minutes)) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * 1000000 + int(fraction[:6].ljust(6, "0"))


def _data(data: object, cache_seconds: int = 0) -> Response:
    now = time.time()
    headers, metadata = {**JSON, **_KIND}, {"fetched_at": format_time(now)}
    if cache_seconds:
        headers["Cache-Control"] = f"private, max-age={cache_seconds}"
        metadata["cached_until"] = format_time(now + cache_seconds)
    return json_response(200, headers, {"data": data, "metadata": metadata})


def _error(status: int, error: str) -> Response:
    # The status of HTTP is 200 all the same.
    return json_response(200, {**JSON, **_KIND}, {"error": error, "data": None, "status": status})
