"""What can go wrong, as exceptions that a program can act on. All survive pickling and copying."""

from __future__ import annotations

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

    def __str__(self) -> str:
        problem, path = self.args
        if len(path) > _MAX_SHOWN_PATH:  # into data that is deep, or contains itself
            path = f"{path[: _MAX_SHOWN_PATH // 2]} ... {path[-_MAX_SHOWN_PATH // 2 :]}"
        return f"{path}: {problem}" if path else str(problem)

    @property
    def path(self) -> str:
        """Where in the event, or in the list of events, it is wrong; "" for an event as a whole."""
        path: str = self.args[1]
        return path

    def prepend(self, step: str) -> None:
        """Put a step in front of the path, as the error goes up through what holds the value that is wrong."""
        problem, path = self.args
        self.args = (problem, f"{step}.{path}" if path and path[0] != "[" else step + path)


class EventKeyUnspecifiedError(Error):
    """Cloud mode without an event key. Raised before anything is sent."""


class AsyncUnsupportedError(Error):
    """A middleware hook is a coroutine function; hooks run on the synchronous path of ``send`` and ``send_sync``."""
