"""Makes ids for events that have none."""

from __future__ import annotations

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

IDS = ("random", "stable", "none")
"""How an event without an id gets one."""

_ID_SIZE = 16  # bytes, of random


class Ids:
    """Makes ids for events that have none."""

    def __init__(self, kind: str) -> None:
        """``kind`` is one of IDS."""
        self._kind = kind
        self._random = _random_ids()

    def of(self, source: Source, number: int, text: bytes) -> str:
        """Return an id for an event; "" where none is wanted.

        A stable one is derived from the line, its number and the file's own name: the same file gives the same ids
        again, wherever it lies.
        """
        if self._kind == "random":
            return next(self._random)
        if self._kind == "none":
            return ""
        name = os.path.basename(source.path)
        name = name[:-3] if name.endswith(".gz") else name
        content = b"\0".join((name.encode("utf-8", "surrogateescape"), b"%d" % number, text))
        return hashlib.sha256(content).hexdigest()[: 2 * _ID_SIZE]


def _random_ids() -> Iterator[str]:
    size = 2 * _ID_SIZE
    while True:
        digits = os.urandom(256 * _ID_SIZE).hex()
        for at in range(0, len(digits), size):
            yield digits[at : at + size]
