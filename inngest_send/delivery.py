"""Delivers a call's batches in order, each until it is accepted or there is no use in another attempt.

All attempts at a batch send the same bytes under the same seed, from which the server derives the ids of the events: a
batch that arrives twice starts each run once. What tells the caller of an event's end is Progress: at every moment each
event that was taken from the source is in it once, as accepted, in hand, or not reached. So whatever ends a call, be it
a response, a time limit or a lack of memory, its error holds ids and unsent events that add up.

A request that is too large for a gateway (413) is cut in two, and its parts likewise. A part goes out under the seed of
the whole, moved on by the number of events before it, so that each event keeps its id: should the whole have arrived at
an earlier attempt, no run starts twice. Half the smallest size that was refused is from then on the client's limit.

The error of a call carries the frames it passed through, and error reporters show their variables. So the error is
raised by ``deliver``, whose variables hold neither key nor data, and its cause comes without frames of this library.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from .http.cancellation import Cancelled
from .http.problem import duration
from .protocol import SEED_HEADER, event_headers, may_have_accepted, read_response
from .redaction import excerpt
from .retry import MAX_RETRY_AFTER, is_retriable_status, parse_retry_after, retry_delay
from .runtime.signals import raise_if_from_signal_handler
from .send_error import SendEventsError, event_count, safe_message, send_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .batching import Batch, Batcher
    from .call import Call
    from .config import Settings
    from .event import Event
    from .http.exchange import Exchange
    from .http.transport import Transport

MIN_SIZE_LIMIT = 65536  # bytes; no gateway refuses less for its size


class Delivery:
    """Delivers to one URL, for all calls of a client."""

    def __init__(self, transport: Transport, settings: Settings) -> None:
        origin = urlsplit(settings.event_api_origin)
        self._origin = f"{origin.scheme}://{origin.netloc}"
        self._transport = transport
        self._settings = settings
        self._headers = event_headers(settings.env)
        self._bound = duration(settings.request_timeout) + settings.request_timeout_hint
        self._size_limit: float = float("inf")  # bytes of the body of more than one event

    def deliver(self, batcher: Batcher, call: Call) -> list[str]:
        """Return the ids of all events, in order. Raises SendEventsError.

        As long as nothing was sent, what the batcher raises comes through.
        """
        progress = Progress(batcher)
        progress.advance()
        try:
            while progress.batch is not None:
                if len(progress.batch.events) > 1 and len(progress.batch.body) > self._size_limit:
                    progress.cut()
                else:
                    progress.outcome = Outcome(progress.batch)
                    self._send(progress.batch, progress.outcome, call)
                    if progress.outcome.is_too_large and len(progress.batch.events) > 1:
                        size = len(progress.batch.body)
                        self._size_limit = min(self._size_limit, max(MIN_SIZE_LIMIT, size // 2))
                        call.debug(f"a request of {size:,} bytes is too large, and is cut in two")
                        progress.cut()
                    elif progress.outcome.problem:
                        break
                    else:
                        progress.accept()
                progress.advance()
            else:
                return progress.ids
        except Exception as err:
            raise_if_from_signal_handler(err)
            if progress.is_at_first_attempt and not isinstance(err, (MemoryError, RecursionError, OSError)):
                raise  # by what the program has put in the place of a function of Python's, as pytest-socket does
            raise progress.broken_off(err) from err
        raise progress.refused() from progress.outcome.cause

    def _send(self, batch: Batch, outcome: Outcome, call: Call) -> None:
        """Send one batch until it is accepted or there is no use in another attempt."""
        settings = self._settings
        headers = {**(event_headers(call.env) if call.env else self._headers), SEED_HEADER: batch.seed}
        got_response = True
        while True:
            left = call.time_left()
            if left <= 0:
                outcome.problem = outcome.problem or f"no time was left of the call's {_limit(call)}"
                return
            outcome.begin()
            is_last = left <= settings.request_timeout
            exchange = self._transport.post(
                batch.body,
                headers,
                timeout=left if is_last else settings.request_timeout,
                bound=f"{_limit(call)}, the timeout of the call{call.timeout_hint}" if is_last else self._bound,
                cancellation=call.cancellation,
                new_connection=not got_response,
            )
            got_response = exchange.response is not None
            outcome.end(exchange, settings.event_key)
            if not outcome.problem:
                call.debug(f"{event_count(len(batch.events))} accepted at attempt {outcome.attempts}")
                return
            if not exchange.problem:
                outcome.problem += f"{self._hint(outcome, batch)} (POST to {self._origin})"
            delay = self._delay(outcome, call)
            if delay is None:
                return
            which = f"attempt {outcome.attempts} of {settings.max_attempts} to send {event_count(len(batch.events))}"
            call.warning(f"{which} failed: {outcome.problem}; next in {delay:.2f} s")
            try:
                call.cancellation.wait(delay)
            except Cancelled:
                outcome.problem = f"cancelled after: {outcome.problem}"
                return

    def _delay(self, outcome: Outcome, call: Call) -> float | None:
        """Return the seconds until the next attempt; None when there is none, for a reason that the problem tells."""
        if not outcome.is_retriable or outcome.attempts >= self._settings.max_attempts:
            return None
        delay = retry_delay(outcome.attempts, outcome.retry_after)
        if delay is None:
            asked, most = duration(outcome.retry_after or 0.0), duration(MAX_RETRY_AFTER)
            outcome.problem += f"; the server asks to wait {asked}, and a call waits {most} at most"
            return None
        left = call.time_left()
        if delay < left:
            return delay
        if left > 0:  # else the attempt has told that the time was over
            outcome.problem += f"; the call's {_limit(call)} leave no time for another attempt{call.timeout_hint}"
        return None

    def _hint(self, outcome: Outcome, batch: Batch) -> str:
        if outcome.status == 413:
            return f"; a gateway or a plan takes less than these {len(batch.body):,} bytes"
        source = self._settings.event_key_source
        key = f"the event key came from {source}" if source else "there is no event key"
        return f"; {key}" if outcome.status == 401 else ""


def _limit(call: Call) -> str:
    return duration(call.timeout or 0.0)


class Outcome:
    """What became of one batch. ``problem`` is "" once all of it is accepted.

    ``ids``: one for each event, in order; "" where it is not known to be accepted.
    ``maybe_delivered``: some of the others may have been accepted, by any attempt.
    """

    __slots__ = ("attempts", "exchange", "ids", "maybe_delivered", "problem", "retry_after")

    def __init__(self, batch: Batch) -> None:
        self.attempts = 0
        self.exchange: Exchange | None = None  # of the last attempt; None while one is under way
        self.ids = [""] * len(batch.events)
        self.maybe_delivered = batch.maybe_delivered
        self.problem = ""
        self.retry_after: float | None = None

    def begin(self) -> None:
        """Begin an attempt."""
        self.maybe_delivered = self.maybe_delivered or any(self.ids)  # what the response before listed was accepted
        self.attempts += 1
        self.exchange = None

    def end(self, exchange: Exchange, event_key: str | None) -> None:
        """Take what an attempt came to."""
        response = exchange.response
        self.retry_after = None
        if response is not None:
            asked, date = response.getheader("retry-after"), response.getheader("date")
            self.retry_after = parse_retry_after(asked, time.time(), date)
        if exchange.problem or response is None:
            self.ids, self.problem = [""] * len(self.ids), exchange.problem
            self.maybe_delivered = self.maybe_delivered or exchange.may_have_arrived
        else:
            where, count = response.getheader("location"), len(self.ids)
            self.ids, self.problem = read_response(response.status, where, response.body, count, event_key)
            if response.encoding:
                self.problem += f"; its Content-Encoding {excerpt(response.encoding, event_key)} cannot be unpacked"
            if exchange.resent or may_have_accepted(response.status):
                self.maybe_delivered = True
        self.exchange = exchange

    @property
    def status(self) -> int | None:
        """The HTTP status of the last attempt, or None when there was none."""
        response = None if self.exchange is None else self.exchange.response
        return None if response is None else response.status

    @property
    def cause(self) -> BaseException | None:
        """The exception behind the problem, if any."""
        return None if self.exchange is None else self.exchange.cause

    @property
    def is_too_large(self) -> bool:
        """Whether a gateway refused the request for its size, and nothing of it was accepted."""
        return self.status == 413 and not any(self.ids) and self.exchange is not None and not self.exchange.problem

    @property
    def is_retriable(self) -> bool:
        """Whether another attempt may succeed."""
        if self.exchange is None:
            return self.attempts == 0  # there was no time for the first one
        return self.exchange.is_retriable if self.status is None else is_retriable_status(self.status)


class Progress:
    """How far a call has come. Its methods leave every event in its place when they raise."""

    __slots__ = ("_batcher", "_waiting", "batch", "ids", "outcome")

    def __init__(self, batcher: Batcher) -> None:
        self.ids: list[str] = []
        self.batch: Batch | None = None  # the one in hand
        self.outcome: Outcome | None = None  # of the one in hand
        self._waiting: list[Batch] = []  # parts of one that was too large, the next one last
        self._batcher = batcher

    def accept(self) -> None:
        """Count the batch in hand as accepted."""
        assert self.outcome is not None
        self.ids += self.outcome.ids
        self.batch = self.outcome = None

    def cut(self) -> None:
        """Cut the batch in hand in two."""
        assert self.batch is not None
        if self.outcome is not None:
            self.batch.maybe_delivered = self.outcome.maybe_delivered
        self._waiting += reversed(self.batch.halves())
        self.batch = self.outcome = None

    def advance(self) -> None:
        """Take the next batch in hand; None when there is none."""
        self.batch = self._waiting.pop() if self._waiting else self._batcher.next()

    def refused(self) -> SendEventsError:
        """Return the error of a call whose batch in hand was not accepted."""
        assert self.outcome is not None
        problem, attempts = self.outcome.problem, self.outcome.attempts
        return self.error(
            f"{problem}, after {attempts} attempts" if attempts > 1 else problem,
            is_retriable=self.outcome.is_retriable,
        )

    @property
    def is_at_first_attempt(self) -> bool:
        """Whether no attempt has come to its end yet."""
        return not self.ids and not self._waiting and self.outcome is not None and self.outcome.attempts < 2

    def broken_off(self, error: Exception) -> SendEventsError:
        """Return the error of a call within which ``error`` was raised."""
        is_retriable = isinstance(error, (MemoryError, OSError))
        if self.batch is None:  # by the source of the events, whose frames are of use
            return self.error(f"the events broke off: {safe_message(error)}", is_retriable=is_retriable)
        error.__cause__ = error.__context__ = error.__traceback__ = None
        if self.outcome is not None and self.outcome.attempts and self.outcome.exchange is None:
            self.outcome.maybe_delivered = True
        return self.error(safe_message(error), is_retriable=is_retriable)

    def error(self, problem: str, *, is_retriable: bool = False) -> SendEventsError:
        """Return the error that tells what is accepted, and what is not."""
        ids, unsent = list(self.ids), self._unsent()
        outcome = self.outcome
        maybe_delivered = any(batch.maybe_delivered for batch in self._waiting)
        if outcome is not None:
            ids += filter(None, outcome.ids)
            maybe_delivered = maybe_delivered or (outcome.maybe_delivered and not all(outcome.ids))
        elif self.batch is not None:
            maybe_delivered = maybe_delivered or self.batch.maybe_delivered
        return send_error(
            problem,
            ids,
            unsent,
            maybe_delivered=maybe_delivered,
            status=None if outcome is None else outcome.status,
            attempts=0 if outcome is None else outcome.attempts,
            retry_after=None if outcome is None else outcome.retry_after,
            is_retriable=is_retriable,
        )

    def _unsent(self) -> list[Event]:
        unsent: list[Event] = []
        if self.batch is not None:
            ids = self.outcome.ids if self.outcome else [""] * len(self.batch.events)
            unsent += (event for event, id in zip(self.batch.events, ids) if not id)
        for batch in reversed(self._waiting):
            unsent += batch.events
        return unsent + self._batcher.remaining()
