"""What is answered to a request. No sockets."""

from __future__ import annotations

import json

from . import hosts, page, reading
from .response import HTML, JSON, TEXT, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .store import Store

KEY_NOT_FOUND = Response(401, JSON, b'{"status":401,"message":"","error":"Event key not found"}')
PLACEHOLDER = Response(200, HTML, b"<html>placeholder</html>\n")
"""What a real server's UI answers to a sender who has the wrong path."""


class EventApi:
    """Answers requests, and stores their events.

    ``event_key`` None takes every key; ``allowed_hosts`` are names under which events may be shown, in
    lower case.
    """

    def __init__(self, store: Store, event_key: str | None, allowed_hosts: Iterable[str]) -> None:
        self._store = store
        self._event_key = event_key
        self._allowed_hosts = frozenset(allowed_hosts)

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response | None:
        """Return the response to what is no request to store events, or None. The body does not matter to it.

        ``headers`` have their names in lower case. No refusal that is noted has the path in it, which may hold a key.
        """
        path, _, query = target.partition("?")
        parts = path.split("/")
        if len(parts) == 4 and parts[1] == "e" and not parts[3]:
            self._store.refuse(303, "the path ends with a slash: events go to /e/KEY")
            return Response(303, {"Location": f"/e/{parts[2]}"})
        if len(parts) != 3 or parts[1] != "e" or not parts[2]:
            return self._respond_elsewhere(method, path, query, headers.get("host"))
        if method != "POST":
            self._store.refuse(405, f"{method} in place of POST")
            return Response(405, {})
        # The key is compared as it stands in the path: escaping what need not be escaped makes it another key.
        if self._event_key is not None and parts[2] != self._event_key:
            self._store.refuse(401, "Event key not found")
            return KEY_NOT_FOUND
        return None

    def receive(self, headers: Mapping[str, str], body: bytes) -> Response:
        """Store the events of a body and return the response; names of ``headers`` are in lower case."""
        status, ids, error = self._store.receive(body, headers.get("x-inngest-event-id-seed"))
        return ids_response(status, ids, error)

    def _respond_elsewhere(self, method: str, path: str, query: str, host: str | None) -> Response:
        """Return the response to a request for what is not /e/KEY."""
        gives_data_away = method in ("GET", "HEAD") and path != "/health"
        if gives_data_away and host is not None and not hosts.is_allowed(host, self._allowed_hosts):
            return Response(403, TEXT, hosts.REFUSAL.encode())
        if method == "POST":
            self._store.refuse(404, "the path is wrong: events go to /e/KEY")
        if reading.is_readable(path):
            return reading.respond(self._store, method, path, query)
        return page.respond(self._store, host) if gives_data_away else PLACEHOLDER


def ids_response(status: int, ids: list[str], error: str = "") -> Response:
    """Return a response with a list of ids."""
    content: dict[str, object] = {"ids": ids, "status": status}
    if error:
        content["error"] = error
    return Response(status, TEXT, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
