"""Sends the events of sources in batches, a few at a time, and keeps account of each.

``run`` reads a batch, hands it to a thread, and reads on until as many batches are under way as may be. Then it waits
for the one that was begun first, whatever the others have come to, so that results are reported in the order of the
input. The first failure, bad line or signal stops the reading; what is under way is still waited for. What was read
then and not accepted stands in ``unsent``; what was read too far was given back to its source, so that
``write_remaining`` finds it there, with all that was not reached.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import TimeoutError as NotYet

from ..errors import Error
from ..executor import SendExecutor
from ..send_error import SendEventsError
from .event_lines import write_event
from .json_text import BadLineError, WrongOptionError
from .records import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from typing import Tuple

    from ..event import Event
    from .bad_lines import BadLinesFile
    from .ids import Ids
    from .run_report import Report
    from .source import Source
    from .unsent import UnsentFile

    Place = Tuple[Source, int]

MAX_BATCH_SIZE = 4 * 1024 * 1024  # bytes of lines
POLL = 0.1  # seconds between looks at whether a signal came
GRACE = 2.0  # seconds that requests under way have to end after a signal


class Batch:
    """Events that go out in one call, and the number of the line of each."""

    __slots__ = ("events", "numbers", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: list[Event] = []
        self.numbers: list[int] = []


class FileRun:
    """One run over the sources, and what came of it.

    ``accepted``: how many events. ``bad_lines``: how many lines. ``unsent``: events that were read and are not known to
    be accepted, complete with ids. ``resume_at``: source and number of the first line that was not reached or not
    accepted, None when there is none. ``accepted_after``: how many events after that one were accepted. ``has_sent``: a
    request was begun. ``has_ended``: not all lines were read. ``bad_line_at``: source and number of the bad line that
    stopped it. ``is_option_wrong``: an option stopped it that does not fit the file. ``written_to``: source and number
    of the first line that ``write_remaining`` did not reach, None when it reached all.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        send: Callable[[list[Event]], list[str]],
        report: Report,
        *,
        ids: Ids,
        skip_bad: bool,
        bad_file: BadLinesFile | None,
        concurrency: int,
        batch_size: int,
    ) -> None:
        self.accepted = 0
        self.bad_lines = 0
        self.unsent: list[Event] = []
        self.resume_at: Place | None = None
        self.accepted_after = 0
        self.has_sent = False
        self.has_ended = False
        self.bad_line_at: Place | None = None
        self.is_option_wrong = False
        self.written_to: Place | None = None
        self._sources = deque(sources)
        self._send = send
        self._report = report
        self._ids = ids
        self._skip_bad = skip_bad
        self._bad_file = bad_file
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._ended_at: Place | None = None  # the first line that was not reached
        self._under_way: deque[tuple[Batch, Future[list[str]] | None]] = deque()
        self._is_stopping = False  # no further batch is sent
        self._give_up_at: float | None = None
        self._has_reported_wait = False

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._give_up_at is not None

    @property
    def has_read_all(self) -> bool:
        """Whether nothing of the input is left to read, as far as ``run`` is concerned."""
        return not self._sources

    def is_given_up(self) -> bool:
        """Return whether ``stop`` was called so long ago, or twice, that nothing is waited for any longer."""
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at

    def stop(self) -> None:
        """Stop the run soon, and at the second call at once. A signal handler may call this."""
        self._is_stopping = True
        self._give_up_at = time.monotonic() + (GRACE if self._give_up_at is None else 0)

    def run(self, give_up: Callable[[], None]) -> None:
        """Send everything, or as far as it goes; ``give_up`` ends requests that outlast ``stop`` by GRACE."""
        pool = SendExecutor(self._concurrency)
        try:
            for batch in self.batches():
                if batch.events:
                    future = None if self._is_stopping else self._submit(pool, batch)
                    self.has_sent = self.has_sent or future is not None
                    self._under_way.append((batch, future))
                while self._under_way and (len(self._under_way) >= self._concurrency or self._is_first_done()):
                    self._settle(give_up)
                self._report.moved(self.accepted)
            while self._under_way:
                self._settle(give_up)
            self.resume_at = self.resume_at or self._ended_at
        finally:
            pool.shutdown()

    def write_remaining(self, file: UnsentFile, is_over: Callable[[], bool]) -> None:
        """Write what was not accepted and what was not reached, or as much until ``is_over``. Raises OSError."""
        has_told = self.is_stopped
        pipes = [source for source in self._sources if not source.is_file]
        if self.unsent or self._sources:
            self._report.writes(file.path, pipes, is_signalled=has_told)
        for event in self.unsent:
            file.add(write_event(event))
        for source in self._sources:
            try:
                for number, text in source:
                    if self.is_stopped and not has_told:
                        has_told = True
                        self._report.writes(file.path, pipes, is_signalled=True)
                    if is_over():
                        source.unread(number, text)
                        self.written_to = (source, source.position)
                        return
                    if number:
                        file.add(source.reader.to_line(text, self._ids.of(source, number, text)))
                self._close(source)
            except UnreadableError as err:
                self._report.problem(str(err))

    def batches(self) -> Iterator[Batch]:
        """Yield batches until the sources end, a line is bad, or the run stops; empty ones while a pipe is silent.

        What came before a bad line is still yielded.
        """
        while self._sources and not self.has_ended:
            source = self._sources[0]
            read, id_of = source.reader.read, self._ids.of  # looked up once, not for each line
            batch = Batch(source)
            size = 0
            try:
                for number, text in source:
                    size += len(text)
                    if not number or len(batch.events) == self._batch_size or size > MAX_BATCH_SIZE:
                        yield batch
                        batch = Batch(source)
                        size = len(text)
                    if self._is_stopping:
                        self._end(source, number, text)
                        break
                    if not number:  # IDLE
                        continue
                    try:
                        batch.events.append(read(text, id_of(source, number, text)))
                        batch.numbers.append(number)
                    except BadLineError as err:
                        self._report.bad_line(source, number, str(err))
                        self._take_bad_line(source, number, text)
                        self.is_option_wrong = self.has_ended and isinstance(err, WrongOptionError)
                        if self.has_ended:
                            break
                else:
                    self._close(self._sources.popleft())
            except UnreadableError as err:
                self._report.problem(str(err))
                self.is_option_wrong = err.is_option_wrong
                self._end(source)
            if batch.events:
                yield batch

    def _take_bad_line(self, source: Source, number: int, text: bytes) -> None:
        """Skip it, or end the run there."""
        self.bad_lines += 1
        if not self._skip_bad:
            self._end(source, number, text)
            self.bad_line_at = (source, number)
        elif self._bad_file is not None:
            try:
                self._bad_file.add(text)
            except OSError as err:
                self._report.problem(f"cannot write {self._bad_file.path}: {err.strerror}")
                self._end(source, number, text)

    def _close(self, source: Source) -> None:
        """Close a source that was read to its end."""
        source.close()
        if source.warning:
            self._report.problem(source.warning)

    def _end(self, source: Source, number: int = 0, text: bytes = b"") -> None:
        """Read no further; a line that was read and is not to be sent goes back to its source."""
        source.unread(number, text)
        self.has_ended = True
        self._ended_at = (source, source.position)

    def _submit(self, pool: SendExecutor, batch: Batch) -> Future[list[str]] | None:
        """Begin to send a batch; None when there is no thread for it, and then the run stops."""
        try:
            return pool.submit(self._send, batch.events)
        except RuntimeError as err:
            self._is_stopping = True
            self._report.problem(f"no thread to send on: {err}")
            return None

    def _is_first_done(self) -> bool:
        future = self._under_way[0][1]
        return future is None or future.done()

    def _settle(self, give_up: Callable[[], None]) -> None:
        """Wait for the batch that was begun first, and report what became of its events."""
        batch, future = self._under_way.popleft()
        ids: list[str] = []
        unsent = batch.events
        error: Error | None = None
        while future is not None:
            if self.is_stopped and not self._has_reported_wait:
                self._has_reported_wait = True
                self._report.waits(GRACE)
            try:
                ids, unsent = future.result(POLL), []
            except NotYet:
                if self.is_given_up():
                    give_up()
                continue
            except SendEventsError as err:
                ids, unsent, error = err.ids, err.unsent, err
            except Error as err:
                error = err
            break
        if error is not None and not self._is_stopping:
            self._is_stopping = True
            self._report.problem(str(error))
        self._account(batch, ids, {id(event) for event in unsent}, error)
        self._report.moved(self.accepted)

    def _account(self, batch: Batch, ids: list[str], unsent: set[int], error: Error | None) -> None:
        if not unsent:
            self._accept(batch.source, batch.numbers, ids)
            return
        accepted = iter(ids)
        for event, number in zip(batch.events, batch.numbers):
            if id(event) not in unsent:
                self._accept(batch.source, [number], [next(accepted)])
                continue
            self.unsent.append(event)
            self.resume_at = self.resume_at or (batch.source, number)
            if error is not None:
                self._report.not_accepted(batch.source, number, error)

    def _accept(self, source: Source, numbers: Sequence[int], ids: Sequence[str]) -> None:
        self.accepted += len(ids)
        if self.resume_at is not None:
            self.accepted_after += len(ids)
        self._report.accepted(source, numbers, ids)
