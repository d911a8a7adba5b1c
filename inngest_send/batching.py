"""Cuts events into the bodies of requests."""

from __future__ import annotations

from .errors import EventInvalidError
from .event import Event, encode_event
from .serialization.encoding import encode
from .typecheck import is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BATCH_EVENTS = 5000  # the server stores the first 5,000 of a longer list, and refuses the request
MAX_BATCH_SIZE = 4 * 1024 * 1024  # bytes; one event takes up to 3 MiB, and gateways limit bodies


class Batch:
    """Events that go out as one request, and its body."""

    __slots__ = ("body", "events")

    def __init__(self, events: list[Event], texts: list[bytes]) -> None:
        self.events = events
        self.body = b"[" + b",".join(texts) + b"]"


class Batcher:
    """Cuts events into batches, each filled before the next is begun.

    A list or a tuple is validated whole before there is a first batch; any other iterable is consumed as batches are
    asked for. ``pending`` holds the events that were taken from it and are in no batch yet.
    """

    def __init__(self, events: Iterable[Event], *, name_index: bool = True) -> None:
        """``name_index``: errors say which event of several it was."""
        self.pending: list[Event] = []
        self._texts: list[bytes] = []  # of the pending events
        self._size = 0  # of these texts and the commas between them
        self._events = events
        self._name_index = name_index

    def batches(self) -> Iterator[Batch]:
        """Return the batches. Asking for one raises TypeError or EventInvalidError at what is no event, or a bad one.

        Whatever the source of the events raises comes through.
        """
        batches = self._split()
        return iter(list(batches)) if is_instance(self._events, (list, tuple)) else batches

    def remaining(self, batches: Iterator[Batch]) -> list[Event]:
        """Return the events that were taken from the source, and not handed out."""
        rest = []
        if is_instance(self._events, (list, tuple)):
            rest = [event for batch in batches for event in batch.events]
        return rest + self.pending

    def _split(self) -> Iterator[Batch]:
        for index, event in enumerate(self._events):
            if type(event) is not Event and not is_instance(event, Event):
                raise TypeError(not_an_event(event, f"events[{index}]"))
            self.pending.append(event)
            try:
                self._texts.append(encode_event(event, encode))
            except EventInvalidError as err:
                if self._name_index:
                    err.prepend(f"events[{index}]")
                raise err.with_traceback(None)  # noqa: B904  # the frames in between hold data
            self._size += len(self._texts[-1]) + 1
            count = len(self._texts)
            if count > 1 and (count > MAX_BATCH_EVENTS or self._size - 1 > MAX_BATCH_SIZE):
                yield self._batch_of(count - 1)
        if self._texts:
            yield self._batch_of(len(self._texts))

    def _batch_of(self, count: int) -> Batch:
        batch = Batch(self.pending[:count], self._texts[:count])
        self.pending = self.pending[count:]
        self._texts = self._texts[count:]
        self._size = sum(map(len, self._texts)) + len(self._texts)
        return batch


def not_an_event(value: object, where: str) -> str:
    """Return the message for a value that should have been an event."""
    way_out = "; make one with Event(**it)" if is_instance(value, dict) else ""
    return f"{where}: expected an Event of {Event.__module__}, got {qualified_name(value)}{way_out}"
