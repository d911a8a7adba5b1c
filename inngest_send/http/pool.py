"""The idle connections to one origin, for any thread and any process to take."""

from __future__ import annotations

import os
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Deque, Dict, Optional

    from .connection import Connection, Route


class Pool:
    """The idle connections of this process, the one used last on top.

    Without a lock, so that a fork finds none held: the operations of a deque and a dict are atomic.
    """

    def __init__(self, route: Route, max_idle: int) -> None:
        self.route = route
        self._max_idle = max_idle
        self._is_closed = False
        self._idle_of: Dict[int, Deque[Connection]] = {}  # by process id: a forked child has its parent's sockets

    def acquire(self) -> Optional[Connection]:
        """Return an idle connection that can be used, or None."""
        idle = self._idle()
        while True:
            try:
                connection = idle.pop()
            except IndexError:
                return None
            if connection.is_fresh() and connection.is_alive():
                return connection
            connection.disconnect()

    def release(self, connection: Connection) -> None:
        """Keep a connection for the next request, or close it."""
        idle = self._idle()
        if not connection.is_reusable or self._is_closed or len(idle) >= self._max_idle:
            connection.disconnect()
            return
        idle.append(connection)
        if self._is_closed:
            self.close()
        elif len(idle) > 1:
            self._drop_stale(idle)

    def close(self) -> None:
        """Close what is idle, and what comes back."""
        self._is_closed = True
        for idle in list(self._idle_of.values()):
            while idle:
                try:
                    idle.pop().disconnect()
                except IndexError:  # another thread was faster
                    break

    def _idle(self) -> Deque[Connection]:
        process = os.getpid()
        idle = self._idle_of.get(process)
        if idle is None:
            idle = self._idle_of.setdefault(process, deque())
            for other in list(self._idle_of):
                if other != process:
                    for connection in self._idle_of.pop(other, ()):
                        connection.disconnect()  # this process's copy only: nothing is sent on it
        return idle

    def _drop_stale(self, idle: Deque[Connection]) -> None:
        try:
            oldest = idle.popleft()
        except IndexError:
            return
        if oldest.is_fresh():
            idle.appendleft(oldest)
            if self._is_closed:
                self.close()
        else:
            oldest.disconnect()
