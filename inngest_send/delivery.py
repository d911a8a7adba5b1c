"""Delivers batches: one request after the other, each tried again under the same seed while that is safe."""

from __future__ import annotations

import time

from .http.cancellation import Cancelled
from .protocol import SEED_HEADER, event_headers, may_have_accepted, new_seed, read_response_body
from .retry import is_retriable_status, parse_retry_after, retry_delay
from .send_error import event_count, safe_message, send_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional

    from .batching import Batch, Batcher
    from .call import Call
    from .config import Settings
    from .event import Event
    from .http.cancellation import Cancellation
    from .http.exchange import Exchange
    from .http.response import Response
    from .http.transport import Transport
    from .send_error import SendEventsError


class Delivery:
    """Delivers to one URL."""

    def __init__(self, transport: Transport, settings: Settings) -> None:
        self._transport = transport
        self._settings = settings
        self._headers = event_headers(settings.env)

    def deliver(self, batcher: Batcher, call: Call) -> List[str]:
        """Return the ids of all events, in order. Raises SendEventsError.

        As long as nothing was sent also what the batcher raises: TypeError, EventInvalidError, or what the source of
        the events does.
        """
        ids: List[str] = []
        batches = batcher.batches()
        while True:
            try:
                batch = next(batches, None)
            except Exception as err:
                if not ids:
                    raise
                raise send_error(f"the events broke off: {safe_message(err)}", ids, batcher.pending) from err
            if batch is None:
                return ids
            outcome = self._deliver_batch(batch, call)
            ids += filter(None, outcome.ids)
            if outcome.problem:
                unsent = [event for event, id in zip(batch.events, outcome.ids) if not id]
                unsent += batcher.remaining(batches)
                raise outcome.error(ids, unsent) from outcome.cause

    def _deliver_batch(self, batch: Batch, call: Call) -> _Outcome:
        """Send one batch until it is accepted or there is no use in another try: same bytes, same seed."""
        headers = {**(event_headers(call.env) if call.env else self._headers), SEED_HEADER: new_seed()}
        outcome = _Outcome(len(batch.events))
        while True:
            left = call.time_left()
            if left <= 0:
                outcome.problem = f"no time was left of the {call.timeout:.3g} s that the call may take"
                return outcome
            outcome.attempts += 1
            self._attempt(batch, headers, min(left, self._settings.request_timeout), call.cancellation, outcome)
            if not outcome.problem:
                call.debug("%s accepted at attempt %d", event_count(len(batch.events)), outcome.attempts)
                return outcome
            if not outcome.is_retriable or outcome.attempts >= self._settings.max_attempts:
                return outcome
            delay = retry_delay(outcome.attempts, outcome.retry_after)
            if delay is None or delay >= call.time_left():
                return outcome
            call.warning(
                "attempt %d of %d to send %s failed: %s; next in %.2f s",
                outcome.attempts,
                self._settings.max_attempts,
                event_count(len(batch.events)),
                outcome.problem,
                delay,
            )
            try:
                call.cancellation.wait(delay)
            except Cancelled:
                outcome.problem = f"cancelled after: {outcome.problem}"
                return outcome

    def _attempt(
        self, batch: Batch, headers: Dict[str, str], timeout: float, cancellation: Cancellation, outcome: _Outcome
    ) -> None:
        outcome.begin()
        exchange = self._transport.post(
            batch.body,
            headers,
            timeout=timeout,
            cancellation=cancellation,
            new_connection=outcome.got_no_response,
        )
        outcome.got_no_response = exchange.response is None
        if exchange.problem:
            outcome.fail(exchange)
        else:
            outcome.read(exchange, self._settings.event_key)


class _Outcome:
    """What became of one batch so far. ``problem`` is "" once all of it is accepted."""

    def __init__(self, count: int) -> None:
        self.attempts = 0
        self.maybe_delivered = False  # by any attempt
        self.got_no_response = False  # to the attempt before
        self._count = count
        self.begin()

    def begin(self) -> None:
        """Forget what the attempt before came to."""
        self.ids = [""] * self._count
        self.problem = ""
        self.cause: Optional[BaseException] = None
        self.status: Optional[int] = None
        self.retry_after: Optional[float] = None
        self.is_retriable = False

    def read(self, exchange: Exchange, event_key: Optional[str]) -> None:
        """Take a response of the server."""
        response = exchange.response
        assert response is not None
        self._take_status(response)
        location = response.getheader("location")
        answer = read_response_body(response.status, location, response.body, self._count, event_key)
        self.ids, self.problem = answer.ids, answer.problem
        if exchange.resent or may_have_accepted(response.status):
            self.maybe_delivered = True

    def fail(self, exchange: Exchange) -> None:
        """Take an attempt that got no response of the server."""
        self.problem = exchange.problem
        self.cause = exchange.cause
        self.is_retriable = exchange.is_retriable
        self.maybe_delivered = self.maybe_delivered or exchange.may_have_arrived
        if exchange.response is not None:
            self._take_status(exchange.response)

    def error(self, ids: List[str], unsent: List[Event]) -> SendEventsError:
        """Return the error of the call that this was part of."""
        problem = self.problem if self.attempts < 2 else f"{self.problem} (after {self.attempts} attempts)"
        return send_error(
            problem,
            ids,
            unsent,
            maybe_delivered=self.maybe_delivered and not all(self.ids),
            status=self.status,
            attempts=self.attempts,
            retry_after=self.retry_after,
            is_retriable=self.is_retriable,
        )

    def _take_status(self, response: Response) -> None:
        self.status = response.status
        self.is_retriable = is_retriable_status(response.status)
        asked, date = response.getheader("retry-after"), response.getheader("date")
        self.retry_after = parse_retry_after(asked, time.time(), date)
