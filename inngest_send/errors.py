"""What can go wrong, as exceptions that a program can act on. All survive pickling and copying."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence

    from .event import Event

_MAX_SHOWN_PATH = 300  # characters


class Error(Exception):
    """The base of every error of this library.

    ``is_retriable`` says whether the same call may succeed when it is made again later.
    """

    is_retriable = False


class ArgumentInvalidError(Error, ValueError):
    """An argument, or the environment variable that stands in for it, has a value that cannot work."""


class URLInvalidError(ArgumentInvalidError):
    """A base URL that cannot work. The message names the argument or the environment variable it came from."""


class EventInvalidError(Error, ValueError):
    """An event that Inngest would refuse or silently alter.

    ``path`` says where: ``data.items[3].price``, or ``events[2].data.items[3].price`` when one of a list is
    sent. The message names what was expected and the type that came; it never shows a value of ``data``.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.path = path

    def __str__(self) -> str:
        problem, path = self.args
        if len(path) > _MAX_SHOWN_PATH:  # into data that is deep, or contains itself
            path = f"{path[: _MAX_SHOWN_PATH // 2]} ... {path[-_MAX_SHOWN_PATH // 2 :]}"
        return f"{path}: {problem}" if path else str(problem)

    def under(self, parent: str) -> EventInvalidError:
        """Return the same error with ``parent`` in front of its path."""
        problem, path = self.args
        return type(self)(problem, f"{parent}.{path}" if path else parent)


class EventKeyUnspecifiedError(Error):
    """Cloud mode without an event key. Raised before anything is sent."""


class AsyncUnsupportedError(Error):
    """A middleware hook is a coroutine function; hooks run on the synchronous path of ``send`` and ``send_sync``."""


class SendEventsError(Error):
    """Some events of a call are not known to be accepted. ``len(ids) + len(unsent)`` is the number of events.

    ``ids``: the ids of the accepted events, in order, never ``""``.
    ``unsent``: the events not known to be accepted, in order. Send them again and nothing is lost.
    ``maybe_delivered``: True when some of ``unsent`` may have been accepted all the same, as after a timeout, a
    reset or a 5xx; then only those with an ``id`` of their own are free of doubles when sent again.
    ``status``: the HTTP status of the last answer, or None when there was none.
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
        status: Optional[int] = None,
        attempts: int = 0,
        retry_after: Optional[float] = None,
        is_retriable: bool = False,
    ) -> None:
        super().__init__(message)
        self.ids: List[str] = list(ids)
        self.unsent: List[Event] = list(unsent)
        self.maybe_delivered = maybe_delivered
        self.status = status
        self.attempts = attempts
        self.retry_after = retry_after
        self.is_retriable = is_retriable
