"""Cuts events into the bodies of requests.

An event that was taken from its source is accounted for at every moment, whatever is raised: it is at hand, or pending,
or in a batch that was handed out. So ``remaining`` is always true. No frame here has an event's JSON text among its
variables: those of a source that raises hang on the error of the call, and error reporters show them.
"""

from __future__ import annotations

from .errors import EventInvalidError
from .event import Event, encode_event, has_normal_data
from .protocol import new_seed, seed_after
from .runtime.signals import raise_if_from_signal_handler
from .serialization.encoding import encode, encode_again, may_be_altered
from .typecheck import is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BATCH_EVENTS = 5000  # the server stores the first 5,000 of a longer list, and refuses the request
MAX_BATCH_SIZE = 4 * 1024 * 1024  # bytes; one event takes up to 3 MiB, and gateways limit bodies


class Batch:
    """Events that go out as one request, with its body, and the seed that all its attempts share.

    ``maybe_delivered``: some of them may have been accepted before, as part of a larger batch.
    """

    __slots__ = ("_sizes", "body", "events", "maybe_delivered", "seed")

    def __init__(self, events: list[Event], body: bytes, sizes: list[int], seed: str | None = None) -> None:
        """``sizes``: that of each event in the body, in bytes."""
        self.events = events
        self.body = body
        self.seed = new_seed() if seed is None else seed
        self.maybe_delivered = False
        self._sizes = sizes

    def halves(self) -> list[Batch]:
        """Return the batch cut in two. Each event keeps the id that it has in the whole."""
        half = len(self.events) // 2
        comma = sum(self._sizes[:half]) + half
        parts = [
            Batch(self.events[:half], self.body[:comma] + b"]", self._sizes[:half], self.seed),
            Batch(self.events[half:], b"[" + self.body[comma + 1 :], self._sizes[half:], seed_after(self.seed, half)),
        ]
        for part in parts:
            part.maybe_delivered = self.maybe_delivered
        return parts


class Batcher:
    """Cuts events into batches, each filled before the next is begun.

    A list or a tuple is validated whole before there is a first batch; any other iterable is consumed as batches are
    asked for.
    """

    def __init__(self, events: Iterable[Event], *, name_index: bool = True, may_be_changed: bool = False) -> None:
        """``name_index``: errors say which event of several it was.

        ``may_be_changed``: hooks had them since they were made.
        """
        self._source = enumerate(events)
        self._name_index = name_index
        self._encode_again = None if may_be_changed else encode_again
        self._at_hand: Event | None = None  # taken, and not pending yet: to append to a list may take memory
        self._pending: list[Event] = []
        self._texts: list[bytes] = []  # of what is pending, and then of what is at hand
        self._size = 0  # bytes of these
        self._has_old_data = False  # of some, which may have been changed in place since they were made
        self._handed_out = 0
        self._is_whole = is_instance(events, (list, tuple))
        self._ready: list[Batch] | None = None  # all that are left of a list or a tuple, the next one last

    def batches(self) -> Iterator[Batch]:
        """Return the batches that are left. Asking for one raises what ``next`` raises."""
        return iter(self.next, None)

    def next(self) -> Batch | None:
        """Return the next batch; None when there is none.

        Raises TypeError or EventInvalidError at what is no event, or a bad one. What the source raises comes through.
        """
        if not self._is_whole:
            return self._cut()
        if self._ready is None:
            self._ready = list(iter(self._cut, None))[::-1]
        return self._ready.pop() if self._ready else None

    def remaining(self) -> list[Event]:
        """Return the events that were taken from the source, and not handed out."""
        rest = [event for batch in reversed(self._ready or ()) for event in batch.events] + self._pending
        return rest if self._at_hand is None else [*rest, self._at_hand]

    def _cut(self) -> Batch | None:
        for index, event in self._source:
            if type(event) is not Event and not is_instance(event, Event):
                raise TypeError(not_an_event(event, f"events[{index}]"))
            self._at_hand = event
            try:
                self._texts.append(encode_event(event, encode, self._encode_again))
            except Exception as err:  # noqa: BLE001  # memory may run out, too
                raise self._located(err, index)  # noqa: B904
            if not event._encoded:
                self._has_old_data = True
            size = len(self._texts[-1]) + 1
            if self._pending and (len(self._pending) == MAX_BATCH_EVENTS or self._size + size > MAX_BATCH_SIZE + 1):
                return self._hand_out([event], self._texts[-1:], size)
            self._pending.append(event)
            self._at_hand = None
            self._size += size
        return self._hand_out([], [], 0) if self._pending else None

    def _hand_out(self, events: list[Event], texts: list[bytes], size: int) -> Batch:
        """Return what is pending, and go on with these."""
        count = len(self._pending)
        if self._has_old_data and self._encode_again is not None:
            self._check_texts(count)
        body = b"[" + b",".join(self._texts[:count]) + b"]"
        batch = Batch(self._pending, body, list(map(len, self._texts[:count])))
        # From here on nothing takes memory, so that nothing can be raised.
        self._pending, self._texts, self._size = events, texts, size
        self._at_hand = None
        self._handed_out += count
        return batch

    def _check_texts(self, count: int) -> None:
        """Look at the data again of events whose text may be altered, if all texts together show that there are any."""
        at = 0
        try:
            if may_be_altered(b",".join(self._texts[:count])):
                for at in range(count):
                    if may_be_altered(self._texts[at]) and not has_normal_data(self._pending[at]):
                        self._texts[at] = encode_event(self._pending[at], encode, None)
        except Exception as err:  # noqa: BLE001  # as above
            raise self._located(err, self._handed_out + at)  # noqa: B904

    def _located(self, error: Exception, index: int) -> Exception:
        """Return an error that an event raised, with its place among the others."""
        raise_if_from_signal_handler(error)
        if isinstance(error, EventInvalidError) and self._name_index:
            error.prepend(f"events[{index}]")
        return error.with_traceback(None)  # the frames in between hold data


def not_an_event(value: object, where: str) -> str:
    """Return the message for a value that should have been an event."""
    way_out = "; make one with Event(**it)" if is_instance(value, dict) else ""
    return f"{where}: expected an Event of {Event.__module__}, got {qualified_name(value)}{way_out}"
