"""What the Event API wants and answers. Knows Inngest, and no sockets.

The facts were measured on a server of August 2026. Where they are documented: https://www.inngest.com/docs/events
"""

from __future__ import annotations

import json
import os
import re
import time
from binascii import b2a_base64
from urllib.parse import quote, urlsplit

from ._version import __version__
from .errors import EventInvalidError
from .event import Event, encode_event
from .serialization.encoding import encode
from .typecheck import is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Dict, List, Optional

MAX_BATCH_EVENTS = 5000  # the server stores the first 5,000 of a longer list, and refuses the request
MAX_BATCH_SIZE = 4 * 1024 * 1024  # bytes; one event takes up to 3 MiB, and gateways limit bodies
MAX_QUOTE = 200  # characters of the server's own text in an error

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


class Batch:
    """Events that go out as one request, and its body."""

    __slots__ = ("body", "events")

    def __init__(self, events: List[Event], texts: List[bytes]) -> None:
        self.events = events
        self.body = b"[" + b",".join(texts) + b"]"


class Batcher:
    """Cuts events into batches, each filled before the next is begun.

    A list or a tuple is validated whole before there is a first batch; any other iterable is consumed as batches are
    asked for. ``taken`` holds the events that were taken from it and are in no batch yet.
    """

    def __init__(self, events: Iterable[Event], *, name_index: bool = True) -> None:
        """``name_index``: errors say which event of several it was."""
        self.pending: List[Event] = []
        self._events = events
        self._name_index = name_index

    def batches(self) -> Iterator[Batch]:
        """Return the batches. Asking for one raises TypeError or EventInvalidError at what is no event, or a bad one.

        Whatever the source of the events raises comes through.
        """
        batches = self._split()
        return iter(list(batches)) if isinstance(self._events, (list, tuple)) else batches

    def remaining(self, batches: Iterator[Batch]) -> List[Event]:
        """Return the events that were taken from the source, and not handed out."""
        rest = []
        if isinstance(self._events, (list, tuple)):
            rest = [event for batch in batches for event in batch.events]
        return rest + self.pending

    def _split(self) -> Iterator[Batch]:
        texts: List[bytes] = []
        size = 0
        for index, event in enumerate(self._events):
            if type(event) is not Event and not is_instance(event, Event):
                raise TypeError(not_an_event(event, f"events[{index}]"))
            self.pending.append(event)
            text, located = b"", None
            try:
                text = encode_event(event, encode)
            except EventInvalidError as err:
                if not self._name_index:
                    raise
                located = err.under(f"events[{index}]")
            if located is not None:
                try:
                    raise located
                finally:
                    del located  # else this frame and its traceback would hold each other
            if texts and (len(texts) == MAX_BATCH_EVENTS or size + len(text) > MAX_BATCH_SIZE):
                ready, self.pending = self.pending[:-1], self.pending[-1:]
                yield Batch(ready, texts)
                texts, size = [], 0
            texts.append(text)
            size += len(text) + 1
        if texts:
            ready, self.pending = self.pending, []
            yield Batch(ready, texts)


def not_an_event(value: object, where: str) -> str:
    """Return the message for a value that should have been an event."""
    way_out = "; make one with Event(**it)" if is_instance(value, dict) else ""
    return f"{where}: expected an Event of {Event.__module__}, got {qualified_name(value)}{way_out}"


class Answer:
    """What an answer to a request says of its events.

    ``ids``: one for each event, in order; "" where the event is not known to be accepted.
    ``problem``: why the answer is no success, "" for a success.
    """

    __slots__ = ("ids", "problem")

    def __init__(self, ids: List[str], problem: str) -> None:
        self.ids = ids
        self.problem = problem


def read_response_body(status: int, location: Optional[str], body: bytes, count: int, event_key: Optional[str]) -> Answer:
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


def excerpt(text: str, event_key: Optional[str]) -> str:
    """Return a server's own text on one line, cut to 200 characters, the event key redacted in it."""
    text = _redacted(text, event_key)
    text = "".join(character if character.isprintable() else " " for character in text[: 100 * MAX_QUOTE])
    text = _redacted(" ".join(text.split()), event_key)
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 3] + "..."


def _redacted(text: str, event_key: Optional[str]) -> str:
    if not event_key:
        return text
    return re.sub("".join(_escaped_forms(character) for character in event_key), "***", text, flags=re.IGNORECASE)


def _escaped_forms(character: str) -> str:
    """Return a pattern for a character as it is, or as URLs, HTML or JSON escape it."""
    from html import escape  # which takes longer to load than all of this package's modules that a send needs

    utf16 = character.encode("utf-16-be").hex()
    forms = [  # the character itself last: it may begin another form
        "".join(f"%{byte:02x}" for byte in character.encode()),
        "".join(rf"\\u{utf16[at : at + 4]}" for at in range(0, len(utf16), 4)),
        rf"&#(?:0*{ord(character)}|x0*{ord(character):x});",
        re.escape(escape(character)),
        re.escape(character),
    ]
    if character == " ":
        forms.append(r"\+")
    elif character in '"\\/':
        forms.insert(0, re.escape(f"\\{character}"))
    # Each once: where only a part of the key is there, two ways to match a character are tried in all combinations.
    return f"(?:{'|'.join(dict.fromkeys(forms))})"


def _origin(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return "somewhere that is no URL"
    authority = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{authority}" if authority else "the same origin"
