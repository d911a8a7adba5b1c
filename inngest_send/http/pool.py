"""The idle connections to one origin, for any thread and any process to take."""

from __future__ import annotations

from collections import deque

from ..runtime.process import PerProcess
from ..runtime.signals import raise_if_from_signal_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection


class Pool:
    """The idle connections of this process, the one used last on top.

    Without a lock, so that a fork finds none held: the operations of a deque are atomic.
    """

    def __init__(self, max_idle: int) -> None:
        self._max_idle = max_idle
        self._is_closed = False
        # A forked child has its parent's sockets, too. It closes its copies; nothing is sent on them.
        self._of_process = PerProcess(deque, abandon=_close_all)

    def acquire(self) -> Connection | None:
        """Return an idle connection that can be used, or None."""
        idle = self._idle()
        while True:
            connection = _pop(idle)
            if connection is None:
                return None
            is_usable = False
            try:
                is_usable = not connection.has_expired() and connection.is_alive()
            finally:
                if not is_usable:
                    connection.close()
            if is_usable:
                return connection

    def release(self, connection: Connection) -> None:
        """Keep a connection for the next request, or close it."""
        idle = self._idle()
        if not connection.is_reusable or self._is_closed or len(idle) >= self._max_idle:
            connection.close()
            return
        idle.append(connection)
        if self._is_closed:
            _close_all(idle)
        elif len(idle) > 1:  # the oldest may never be taken, where few threads are left
            self._drop_oldest(lambda oldest: oldest.has_expired())

    def drop_idle_since(self, moment: float) -> None:
        """Close what has been idle since before ``moment``, by runtime.clock."""
        while self._drop_oldest(lambda oldest: oldest.idle_since < moment):
            pass

    def close(self) -> None:
        """Close what is idle, and what comes back."""
        self._is_closed = True
        _close_all(self._idle())

    def _idle(self) -> deque[Connection]:
        idle: deque[Connection] = self._of_process.get()
        return idle

    def _drop_oldest(self, is_useless: Callable[[Connection], bool]) -> bool:
        """Close the connection that has been idle longest if it is useless; return whether it was."""
        idle = self._idle()
        oldest = _pop(idle, first=True)
        if oldest is None:
            return False
        if is_useless(oldest):
            oldest.close()
            return True
        idle.appendleft(oldest)
        if self._is_closed:
            _close_all(idle)
        return False


def _pop(idle: deque[Connection], *, first: bool = False) -> Connection | None:
    try:
        return idle.popleft() if first else idle.pop()
    except IndexError as err:  # there is none, or another thread was faster
        raise_if_from_signal_handler(err)
        return None


def _close_all(idle: deque[Connection]) -> None:
    connection = _pop(idle)
    while connection is not None:
        connection.close()
        connection = _pop(idle)
