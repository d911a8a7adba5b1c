"""What the Event API wants and answers. Knows Inngest, and no sockets.

The facts were measured on a server of August 2026. Where they are documented: https://www.inngest.com/docs/events
"""

from __future__ import annotations

import json
import os
import time
from binascii import b2a_base64
from urllib.parse import quote, urlsplit

from ._version import __version__
from .redaction import excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional


DEV_EVENT_KEY = "NO_EVENT_KEY_SET"  # the Dev Server takes any key; the official SDKs send this one
SENDER = f"inngest-send-py:v{__version__}"

# RFC 3986 pchar: the server compares the key in the path raw, so that nothing else may be encoded.
_KEY_SAFE = "-._~!$&'()*+,;=:@"


def event_url(origin: str, event_key: Optional[str]) -> str:
    """Return the URL that takes events; ``origin`` ends with a slash."""
    return f"{origin}e/{quote(event_key or DEV_EVENT_KEY, safe=_KEY_SAFE)}"


def event_headers(env: Optional[str]) -> Dict[str, str]:
    """Return the headers that all requests for a branch environment share; ``env`` None is none."""
    headers = {"Content-Type": "application/json", "User-Agent": SENDER, "X-Inngest-Sdk": SENDER}
    if env:
        headers["X-Inngest-Env"] = env
    return headers


SEED_HEADER = "X-Inngest-Event-Id-Seed"


def new_seed() -> str:
    """Return a seed for one request and all its retries.

    From the seed and an event's position the server derives the event's id, so that a request that arrives twice
    starts each run once. The form is Unix time in milliseconds, a comma, base64 of 10 random bytes; the server
    silently ignores any other, a negative time included.
    """
    milliseconds = max(0, int(time.time() * 1000))
    return f"{milliseconds},{b2a_base64(os.urandom(10), newline=False).decode('ascii')}"


class Answer:
    """What an answer to a request says of its events.

    ``ids``: one for each event, in order; "" where the event is not known to be accepted.
    ``problem``: why the answer is no success, "" for a success.
    """

    __slots__ = ("ids", "problem")

    def __init__(self, ids: List[str], problem: str) -> None:
        self.ids = ids
        self.problem = problem


def read_response_body(
    status: int, location: Optional[str], body: bytes, count: int, event_key: Optional[str]
) -> Answer:
    """Return what an answer says of ``count`` events; ``location`` is where a redirect points.

    Only a 2xx with one non-empty id for each event and no error is a success, whatever its Content-Type: the server
    says text/plain, and answers a wrong path with a web page and 200. A non-empty id is believed in other answers
    too: a 400 lists the ids of the events before the first bad one, which were accepted.
    """
    try:
        document = json.loads(body.decode())
    except (ValueError, RecursionError):
        document = None
    listed = document.get("ids") if isinstance(document, dict) else None
    error = document.get("error") if isinstance(document, dict) else None
    ids = [""] * count
    if isinstance(listed, list) and len(listed) <= count:
        ids[: len(listed)] = [id if isinstance(id, str) else "" for id in listed]
        if 200 <= status < 300 and not error and len(listed) == count and "" not in ids:
            return Answer(ids, "")
    if error:
        problem = excerpt(error if isinstance(error, str) else json.dumps(error), event_key)
    elif 300 <= status < 400 and location is not None:
        problem = f"a redirect to {excerpt(_origin(location), event_key)}, which is not followed"
    elif isinstance(listed, list):
        problem = f"{len(listed):,} ids for {count:,} events" if len(listed) != count else "an id is missing"
    else:
        text = "" if b"\0" in body else excerpt(body.decode("utf-8", "replace"), event_key)
        problem = ": ".join(filter(None, ("not an answer of the Event API" if status < 300 else "", text)))
    return Answer(ids, f"HTTP {status}: {problem}" if problem else f"HTTP {status}")


def may_have_accepted(status: int) -> bool:
    """Return whether a server may have accepted events that its answer with this status does not list."""
    return status < 300 or status == 408 or status >= 500


def _origin(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return "somewhere that is no URL"
    authority = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{authority}" if authority else "the same origin"
