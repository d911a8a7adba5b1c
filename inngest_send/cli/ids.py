"""Makes ids for events that have none."""

from __future__ import annotations

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .source import Source

_ID_SIZE = 16  # bytes
_SEED_SIZE = 8  # bytes of a seed that is made here: two runs with the same one within a day are not to be feared


def new_seed() -> str:
    """Return a seed that no other run has."""
    return os.urandom(_SEED_SIZE).hex()


def own_name(path: str) -> str:
    """Return what ids know a file by: its base name, the same when it is packed."""
    name = os.path.basename(path)
    return name[:-3] if name.endswith(".gz") else name


class Ids:
    """Derives ids from a seed, so that another run with the same seed gives the same events the same ids."""

    def __init__(self, seed: str | None) -> None:
        """``seed`` None: no ids are wanted."""
        self._seed = None if seed is None else os.fsencode(seed)
        self._source: Source | None = None
        self._hash = hashlib.blake2b()  # of seed and source, which is not hashed for each line anew

    def of(self, source: Source, number: int, text: bytes) -> str:
        """Return an id for an event; "" where none is wanted.

        It stands for the line, its number and the file's own name: where the file lies, whether it is packed and
        how its lines end makes no difference.
        """
        if self._seed is None:
            return ""
        if source is not self._source:
            name = os.fsencode(own_name(source.path))
            self._source = source
            self._hash = hashlib.blake2b(b"%b\0%b\0" % (self._seed, name), digest_size=_ID_SIZE)
        line = self._hash.copy()
        line.update(b"%d\0%b" % (number, text))
        return line.hexdigest()
