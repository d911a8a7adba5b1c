"""Sends the events of sources in batches, a few at a time, and keeps account of each."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import TimeoutError as NotYet

from ..errors import Error
from ..executor import SendExecutor
from ..send_error import SendEventsError
from .lines import BadLineError, Ids, add_id, read_event, write_event
from .source import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from typing import Deque, List, Optional, Set, Tuple

    from ..event import Event
    from .source import Source
    from .unsent import UnsentFile

    Place = Tuple[Source, int]

MAX_BATCH_SIZE = 4 * 1024 * 1024  # bytes of lines
POLL = 0.1  # seconds between looks at whether a signal came
GRACE = 2.0  # seconds that requests under way have to end after a signal


class Batch:
    """Events that go out in one call, and the number of the line of each."""

    __slots__ = ("events", "numbers", "size", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: List[Event] = []
        self.numbers: List[int] = []
        self.size = 0

    def add(self, event: Event, number: int, size: int) -> None:
        """Add the event of a line of ``size`` bytes."""
        self.events.append(event)
        self.numbers.append(number)
        self.size += size


class Listener:
    """What is told of each line, in the order of the input. As a base it does nothing."""

    def accepted(self, source: Source, numbers: Sequence[int], ids: Sequence[str]) -> None:
        """Events were accepted."""

    def not_accepted(self, source: Source, number: int, error: Error) -> None:
        """An event is not known to be accepted."""

    def bad_line(self, source: Source, number: int, problem: str) -> None:
        """A line is no event that could be sent."""

    def problem(self, problem: str) -> None:
        """The run ends early because of this."""

    def draining(self, source: Source) -> None:
        """What a pipe still brings is written to the file of what is left."""

    def moved(self, bulk: FileRun) -> None:
        """Some more was read or sent."""


class FileRun:
    """One run over the sources, and what came of it.

    ``accepted``: how many events. ``bad_lines``: how many lines. ``left``: events that were read and are not known to
    be accepted, complete with ids. ``resume_at``: source and number of the first line that was not reached or not
    accepted, None when there is none. ``accepted_after``: how many events after that one were accepted. ``has_sent``:
    a request was begun. ``has_ended``: not all lines were read. ``drained_to``: source and number of the first line
    that ``drain`` did not reach, None when it reached all. ``unreadable``: where sources could not be read on by it.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        send: Callable[[List[Event]], List[str]],
        listener: Listener,
        *,
        ids: str,
        skip_bad: bool,
        concurrency: int,
        batch_size: int,
        resume_from: int,
    ) -> None:
        self.accepted = 0
        self.bad_lines = 0
        self.left: List[Event] = []
        self.resume_at: Optional[Place] = None
        self.accepted_after = 0
        self.has_sent = False
        self.has_ended = False
        self.drained_to: Optional[Place] = None
        self.unreadable: List[Place] = []
        self._sources = deque(sources)
        self._first = sources[0]
        self._send = send
        self._listener = listener
        self._ids = Ids(ids)
        self._skip_bad = skip_bad
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._resume_from = resume_from
        self._ended_at: Optional[Place] = None  # the first line that was not reached
        self._unread = b""  # its text, when it was taken from its source
        self._under_way: Deque[Tuple[Batch, Optional[Future[List[str]]]]] = deque()
        self._is_ending = False  # no further batch is sent
        self._give_up_at: Optional[float] = None

    def stop(self) -> None:
        """End the run soon, and at the second call at once. A signal handler may call this."""
        self._is_ending = True
        self._give_up_at = time.monotonic() + (GRACE if self._give_up_at is None else 0)

    def run(self, give_up: Callable[[], None]) -> None:
        """Send everything, or as far as it goes; ``give_up`` ends requests that outlast ``stop`` by GRACE."""
        pool = SendExecutor(self._concurrency)
        try:
            for batch in self.batches():
                if batch.events:
                    future = None if self._is_ending else self._submit(pool, batch)
                    self.has_sent = self.has_sent or future is not None
                    self._under_way.append((batch, future))
                while self._under_way and (len(self._under_way) >= self._concurrency or self._is_first_done()):
                    self._settle(give_up)
                self._listener.moved(self)
            while self._under_way:
                self._settle(give_up)
            self.resume_at = self.resume_at or self._ended_at
        finally:
            pool.shutdown()

    def _submit(self, pool: SendExecutor, batch: Batch) -> Optional[Future[List[str]]]:
        """Begin to send a batch; None when there is no thread for it, and then the run ends."""
        try:
            return pool.submit(self._send, batch.events)
        except RuntimeError as err:
            self._is_ending = True
            self._listener.problem(f"no thread to send on: {err}")
            return None

    def write_remaining(self, leftover: UnsentFile, is_over: Callable[[], bool]) -> None:
        """Write what was not accepted and what was not reached, or as much until ``is_over``. Raises OSError."""
        for event in self.left:
            leftover.add(write_event(event))
        if self._ended_at is not None and self._unread:
            leftover.add(self._with_id(*self._ended_at, self._unread))
        for source in self._sources:
            if not source.is_file:
                self._listener.draining(source)
            start = self._start(source)
            last = start - 1
            if self._ended_at is not None and self._ended_at[0] is source:
                last = self._ended_at[1] - (not self._unread)
            try:
                for number, text in source:
                    if is_over():
                        self.drained_to = (source, max(start, number or last + 1))
                        return
                    if number >= start:
                        leftover.add(self._with_id(source, number, text))
                        last = number
            except UnreadableError as err:
                self._listener.problem(str(err))
                source.is_unreadable = True
            if source.is_unreadable:
                self.unreadable.append((source, last + 1))

    def batches(self) -> Iterator[Batch]:
        """Yield batches until the sources end, a line is bad, or the run is to end; empty ones while a pipe is silent.

        What came before a bad line is still yielded.
        """
        while self._sources and not self.has_ended:
            source = self._sources[0]
            start = self._start(source)
            batch = Batch(source)
            last = start - 1
            try:
                for number, text in source:
                    is_idle = not number  # which is only so in IDLE
                    if number < start and not is_idle:
                        continue
                    if is_idle or len(batch.events) == self._batch_size or batch.size + len(text) > MAX_BATCH_SIZE:
                        yield batch
                        batch = Batch(source)
                    if self._is_ending:
                        self._end(source, number or last + 1, text)
                        break
                    if is_idle:
                        continue
                    last = number
                    try:
                        batch.add(read_event(text, self._ids.of(source, number, text)), number, len(text))
                    except BadLineError as err:
                        self._take_bad_line(source, number, text, err)
                        if self.has_ended:
                            break
                else:
                    self._sources.popleft().close()
            except UnreadableError as err:
                self._listener.problem(str(err))
                source.is_unreadable = True
                self._end(source, last + 1, b"")
            if batch.events:
                yield batch

    def _take_bad_line(self, source: Source, number: int, text: bytes, error: BadLineError) -> None:
        """Count it; the run ends here unless bad lines are skipped."""
        self.bad_lines += 1
        self._listener.bad_line(source, number, str(error))
        if not self._skip_bad:
            self._end(source, number, text)

    def _with_id(self, source: Source, number: int, text: bytes) -> bytes:
        return add_id(text, self._ids.of(source, number, text))

    def _end(self, source: Source, number: int, unread: bytes) -> None:
        """Read no further than the line before this one."""
        self.has_ended = True
        self._ended_at = (source, number)
        self._unread = unread

    def _start(self, source: Source) -> int:
        return self._resume_from if source is self._first else 1

    def _is_first_done(self) -> bool:
        future = self._under_way[0][1]
        return future is None or future.done()

    def _settle(self, give_up: Callable[[], None]) -> None:
        """Wait for the batch that was begun first, and tell what became of its events."""
        batch, future = self._under_way.popleft()
        ids: List[str] = []
        unsent = batch.events
        error: Optional[Error] = None
        while future is not None:
            try:
                ids, unsent = future.result(POLL), []
            except NotYet:
                if self._give_up_at is not None and time.monotonic() >= self._give_up_at:
                    give_up()
                continue
            except SendEventsError as err:
                ids, unsent, error = err.ids, err.unsent, err
            except Error as err:
                error = err
            break
        if error is not None and not self._is_ending:
            self._is_ending = True
            self._listener.problem(str(error))
        self._account(batch, ids, {id(event) for event in unsent}, error)
        self._listener.moved(self)

    def _account(self, batch: Batch, ids: List[str], unsent: Set[int], error: Optional[Error]) -> None:
        if not unsent:
            self._accept(batch.source, batch.numbers, ids)
            return
        accepted = iter(ids)
        for event, number in zip(batch.events, batch.numbers):
            if id(event) not in unsent:
                self._accept(batch.source, [number], [next(accepted)])
                continue
            self.left.append(event)
            self.resume_at = self.resume_at or (batch.source, number)
            if error is not None:
                self._listener.not_accepted(batch.source, number, error)

    def _accept(self, source: Source, numbers: Sequence[int], ids: Sequence[str]) -> None:
        self.accepted += len(ids)
        if self.resume_at is not None:
            self.accepted_after += len(ids)
        self._listener.accepted(source, numbers, ids)
