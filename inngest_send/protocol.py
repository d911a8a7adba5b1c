"""The Event API: what it wants of a request, and what its responses say. Knows Inngest, and no sockets.

The facts were measured on a server of August 2026. Where they are documented: https://www.inngest.com/docs/events
"""

from __future__ import annotations

import json
import os
import time
from binascii import a2b_base64, b2a_base64
from urllib.parse import quote, urlsplit

from ._version import __version__
from .redaction import KEY_SAFE, excerpt
from .runtime.signals import raise_if_from_signal_handler

DEV_EVENT_KEY = "NO_EVENT_KEY_SET"  # the Dev Server takes any key; the official SDKs send this one
SENDER = f"inngest-send-py:v{__version__}"
# In lower case, as the official SDK writes them: tests of programs look for them so.
SEED_HEADER = "x-inngest-event-id-seed"
_MAX_SEED_TIME = 2**48 - 1  # milliseconds


def event_url(origin: str, event_key: str | None) -> str:
    """Return the URL that takes events; ``origin`` ends with a slash."""
    return f"{origin}e/{quote(event_key or DEV_EVENT_KEY, safe=KEY_SAFE)}"


def event_headers(env: str | None) -> dict[str, str]:
    """Return the headers that all requests for a branch environment share; ``env`` None is none."""
    headers = {"content-type": "application/json", "user-agent": SENDER, "x-inngest-sdk": SENDER}
    if env:
        headers["x-inngest-env"] = env
    return headers


def new_seed() -> str:
    """Return a seed for one request and all its retries.

    From the seed and an event's position the server derives the event's id, so that a request that arrives twice
    starts each run once. The form is Unix time in milliseconds, a comma, base64 of 10 random bytes. The server
    silently ignores any other, and a time that is not from 1 to 2**48 - 1, as that of a clock that was never set.
    """
    milliseconds = min(max(1, int(time.time() * 1000)), _MAX_SEED_TIME)
    return f"{milliseconds},{_base64(os.urandom(10))}"


def seed_after(seed: str, count: int) -> str:
    """Return the seed of a request that begins after the first ``count`` events of the request with this one.

    Each event keeps the id that it has there: the server adds an event's position to the last four bytes.
    """
    milliseconds, _, encoded = seed.partition(",")
    entropy = a2b_base64(encoded)
    last = (int.from_bytes(entropy[6:], "big") + count) % 2**32
    return f"{milliseconds},{_base64(entropy[:6] + last.to_bytes(4, 'big'))}"


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def read_response(
    status: int, location: str | None, body: bytes, count: int, event_key: str | None
) -> tuple[list[str], str]:
    """Return what a response says of ``count`` events: the id of each, in order, and why it is no success.

    An id is "" where the event is not known to be accepted; the reason is "" for a success. ``location`` is where a
    redirect points.

    Only a 2xx with one non-empty id for each event and no error is a success, whatever its Content-Type: the server
    says text/plain, and answers a wrong path with a web page and 200. A non-empty id is believed in other responses
    too: a 400 lists the ids of the events before the first bad one, which were accepted.
    """
    try:
        document = json.loads(body.decode())
    except (ValueError, RecursionError) as err:
        raise_if_from_signal_handler(err)
        document = None
    listed = document.get("ids") if isinstance(document, dict) else None
    error = document.get("error") if isinstance(document, dict) else None
    ids = [""] * count
    if isinstance(listed, list) and len(listed) <= count:
        ids[: len(listed)] = [id if isinstance(id, str) else "" for id in listed]
        if 200 <= status < 300 and not error and len(listed) == count and "" not in ids:
            return ids, ""
    if error:
        problem = excerpt(error if isinstance(error, str) else json.dumps(error), event_key)
    elif 300 <= status < 400 and location is not None:
        problem = f"a redirect to {excerpt(_origin(location), event_key)}, which is not followed"
    elif isinstance(listed, list):
        events = "1 event" if count == 1 else f"{count:,} events"
        problem = f"{len(listed):,} ids for {events}" if len(listed) != count else "an id is missing"
    else:
        text = "" if b"\0" in body else excerpt(body.decode("utf-8", "replace"), event_key)
        problem = ": ".join(filter(None, ("not a response of the Event API" if status < 300 else "", text)))
    return ids, f"HTTP {status}: {problem}" if problem else f"HTTP {status}"


def may_have_accepted(status: int) -> bool:
    """Return whether a server may have accepted events that its response with this status does not list."""
    return status < 300 or status == 408 or status >= 500


def _origin(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError as err:
        raise_if_from_signal_handler(err)
        return "somewhere that is no URL"
    authority = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{authority}" if authority else "the same origin"
