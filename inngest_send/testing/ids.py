"""The ids that the server gives to events: ULIDs, derived from the seed of a request or random."""

from __future__ import annotations

import base64
import itertools
import os
import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SEED = re.compile(r"0*([0-9]{1,15}),([A-Za-z0-9+/]{14}==)")  # milliseconds, and 10 bytes in base64
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32, in which a ULID is written
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def event_ids(seed: str | None) -> Iterator[str]:
    """Yield the ids of a request's events: derived from its seed, or random where that is missing or malformed."""
    parsed = _parse_seed(seed or "")
    if parsed is None:
        while True:
            yield _ulid(int(time.time() * 1000), os.urandom(10))
    milliseconds, entropy = parsed
    for index in itertools.count(1):
        tail = (int.from_bytes(entropy[6:], "big") + index) % 2**32
        yield _ulid(milliseconds, entropy[:6] + tail.to_bytes(4, "big"))


def _parse_seed(seed: str) -> tuple[int, bytes] | None:
    match = _SEED.fullmatch(seed)
    if match is None or not 1 <= int(match.group(1)) < 2**48:
        return None
    return int(match.group(1)), base64.b64decode(match.group(2))


def _ulid(milliseconds: int, entropy: bytes) -> str:
    number = milliseconds << 80 | int.from_bytes(entropy, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
