"""The error of a call whose events are not all known to be accepted. It holds events, so it stands above ``event``."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import Error
from .event import Event
from .typecheck import qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SendEventsError(Error):
    """Some events of a call are not known to be accepted. ``len(ids) + len(unsent)`` is the number of events.

    ``ids``: the ids of the accepted events, in order, never ``""``.
    ``unsent``: the events not known to be accepted, in order. Send them again and nothing is lost.
    ``maybe_delivered``: True when some of ``unsent`` may have been accepted all the same, as after a timeout, a
    reset or a 5xx; then only those with an ``id`` of their own make no duplicates when sent again.
    ``status``: the HTTP status of the last response, or None when there was none.
    ``attempts``: how often the request that failed was tried.
    ``retry_after``: the seconds the server asked to wait, or None.
    ``is_retriable``: True when sending ``unsent`` again later may succeed.

    The message may quote up to 200 characters of the server's own text, which may hold event data.
    """

    def __init__(
        self,
        message: str,
        ids: Sequence[str] = (),
        *,
        unsent: Sequence[Event] = (),
        maybe_delivered: bool = False,
        status: int | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        is_retriable: bool = False,
    ) -> None:
        super().__init__(message)
        self.ids: list[str] = list(ids)
        self.unsent: list[Event] = list(unsent)
        self.maybe_delivered = maybe_delivered
        self.status = status
        self.attempts = attempts
        self.retry_after = retry_after
        self.is_retriable = is_retriable


def send_error(
    problem: str, ids: Sequence[str], unsent: Sequence[Event], *, maybe_delivered: bool = False, **details: Any
) -> SendEventsError:
    """Return an error whose message begins with how many events were accepted, as far as that is known."""
    total = len(ids) + len(unsent)
    known = "accepted"
    if maybe_delivered:
        which = "it" if total == 1 else "more" if ids else "some"
        known = f"known to be accepted ({which} may have arrived)"
    message = f"{len(ids):,} of {event_count(total)} {known}: {problem}"
    return SendEventsError(message, ids, unsent=unsent, maybe_delivered=maybe_delivered, **details)


def event_count(count: int) -> str:
    """Return how many events there are, in words."""
    return f"{count:,} event" if count == 1 else f"{count:,} events"


def safe_message(error: BaseException) -> str:
    """Return what an error of this library says, and of another only its type: its text may hold event data."""
    return str(error) if isinstance(error, Error) else f"{qualified_name(error)} was raised"
