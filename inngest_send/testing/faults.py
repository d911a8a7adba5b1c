"""What can go wrong between a sender and the Event API, to be played on purpose."""

from __future__ import annotations

import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAULTS: dict[str, str] = {
    "status": "answered with a status, a body and headers; nothing is stored",
    "stored_status": "stored, and answered with the status all the same, by default 500",
    "stored_reset": "stored, and the connection reset before the response",
    "reset": "the connection reset before the request is read",
    "truncated": "stored, and the response cut in the middle",
    "drip": "stored, and answered a byte at a time, one each `seconds`",
    "delay": "stored, and answered after `seconds`",
    "page": "answered 200 with a web page; nothing is stored",
    "idle_close": "stored and answered, and the connection closed after that",
    "idle_death": "stored and answered, and the connection left open without a word from then on",
    "compressed": "stored, and the response compressed with gzip, though the request did not ask for it",
    "early_401": "answered 401 before the body is read, and the connection closed; nothing is stored",
    "no_ids": "stored, and answered 200 with an empty object",
    "short_ids": "stored, and answered 200 with one id too few",
}
"""The kinds of fault by name, with what each does."""

STORING = frozenset(FAULTS) - {"status", "reset", "page", "early_401"}


class Fault:
    """One fault of one request."""

    __slots__ = ("body", "headers", "kind", "seconds", "status")

    def __init__(
        self, kind: str, *, status: int, body: bytes, headers: Mapping[str, str] | None, seconds: float
    ) -> None:
        if kind not in FAULTS:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(FAULTS)}")
        self.kind = kind
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"<fault {self.kind}>"


class RandomFaults:
    """Draws a fault for a share of all requests, from a seeded random source."""

    def __init__(self, rate: float, seed: int, kinds: Sequence[str] | None, seconds: float) -> None:
        self._rate = rate
        self._random = random.Random(seed)
        self._faults: list[Fault] = [
            Fault(kind, status=status, body=b"", headers=None, seconds=seconds)
            for kind in (kinds or FAULTS)
            for status in ((500, 503) if kind == "status" else (500,))
        ]

    def draw(self) -> Fault | None:
        """Return the fault of the next request, or None."""
        return self._random.choice(self._faults) if self._random.random() < self._rate else None
