"""What the Event API answers to a request. No sockets."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Optional

    from .store import Store

_JSON = {"Content-Type": "application/json"}
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_HTML = {"Content-Type": "text/html; charset=utf-8"}


class Answer:
    """A status, headers and a body; Content-Length is added when it is written."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body


KEY_NOT_FOUND = Answer(401, _JSON, b'{"status":401,"message":"","error":"Event key not found"}')
PAGE = Answer(200, _HTML, b"<html>placeholder</html>\n")


class EventApi:
    """Answers requests, and stores their events. ``event_key`` None takes every key."""

    def __init__(self, store: Store, event_key: Optional[str]) -> None:
        self._store = store
        self._event_key = event_key

    def refusal(self, method: str, path: str) -> Optional[Answer]:
        """Return the answer to what is no request to store events, or None. The body does not matter to it."""
        parts = path.partition("?")[0].split("/")
        if len(parts) == 4 and parts[1] == "e" and not parts[3]:
            return Answer(303, {"Location": f"/e/{parts[2]}"})
        if len(parts) != 3 or parts[1] != "e" or not parts[2]:
            return PAGE
        if method != "POST":
            return Answer(405, {})
        # The key is compared as it stands in the path: escaping what need not be escaped makes it another key.
        if self._event_key is not None and parts[2] != self._event_key:
            return KEY_NOT_FOUND
        return None

    def take(self, headers: Dict[str, str], body: bytes) -> Answer:
        """Store the events of a body and return the answer; names of ``headers`` are in lower case."""
        status, ids, error = self._store.take(body, headers.get("x-inngest-event-id-seed"))
        return ids_answer(status, ids, error)


def ids_answer(status: int, ids: List[str], error: str = "") -> Answer:
    """Return an answer with a list of ids."""
    content: Dict[str, object] = {"ids": ids, "status": status}
    if error:
        content["error"] = error
    return Answer(status, _TEXT, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
