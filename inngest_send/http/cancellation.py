"""One call's off switch: it ends the call's waits and shuts its sockets down, from any thread.

A thread that waits on a socket cannot be stopped; but shut down by another thread, the socket ends the wait at once, as
if the peer had hung up. So whoever uses a socket, or waits, says so here first, and ``cancel`` ends all it finds.

There is no lock, so that a fork finds none held. Instead each side first says what it does, and then looks at what the
other side says: ``cancel`` sets the flag before it looks for sockets, and ``attach`` adds the socket before it looks at
the flag. Whichever comes second sees the first.

A call may make further calls: in a hook of its middleware, in the generator of its events, in its logger. They share
its cancellation, which they find in ``CURRENT``.
"""

from __future__ import annotations

import socket
import threading
import time
from contextvars import ContextVar

from ..runtime.clock import monotonic
from ..runtime.process import current_process
from ..runtime.signals import raise_if_from_signal_handler


class Cancelled(Exception):
    """The call was cancelled, or its client closed."""


class Cancellation:
    """Cancels what a call does with sockets and waits, and what the calls within it do."""

    __slots__ = ("_made_at", "_process", "_sockets", "_waits", "is_cancelled", "is_over")

    def __init__(self) -> None:
        self.is_cancelled = False
        self.is_over = False  # only of one in CURRENT: what was copied with its context goes on without it
        self._made_at: float | None = monotonic()
        self._process = current_process()
        self._sockets: set[socket.socket] = set()
        self._waits: set[threading.Event] = set()

    @property
    def has_begun(self) -> bool:
        """Whether the call has left the queue for a thread."""
        return self._made_at is None

    def begin(self) -> float:
        """Begin a call; return when its time began: for the first one its time in the queue counts, too."""
        made_at, self._made_at = self._made_at, None
        return monotonic() if made_at is None else made_at

    def cancel(self) -> None:
        """End the call soon. Any thread may do so, more than once."""
        if self._process is not current_process():
            return  # a forked child has a copy of its parent's call, and would end the parent's connection
        self.is_cancelled = True
        for wait in tuple(self._waits):
            wait.set()
        for sock in tuple(self._sockets):
            try:
                # Not sock.shutdown(): an SSLSocket would drop its TLS state under the thread that reads from it.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError as err:  # not connected yet, or closed by now
                raise_if_from_signal_handler(err)

    def attach(self, sock: socket.socket) -> None:
        """Name a socket to shut down. Raises Cancelled when it is too late."""
        self._sockets.add(sock)
        if self.is_cancelled:
            raise Cancelled

    def detach(self, sock: socket.socket) -> None:
        """Forget a socket: it is closed, or will serve another call."""
        self._sockets.discard(sock)

    def wait(self, seconds: float) -> None:
        """Wait so long. Raises Cancelled as soon as the call is cancelled."""
        wait = threading.Event()
        self._waits.add(wait)
        try:
            if self.is_cancelled or wait.wait(seconds):
                raise Cancelled
        except RuntimeError as err:
            raise_if_from_signal_handler(err)
            # From Python 3.15 on no lock is waited for at the interpreter's end; no thread is left to cancel by then.
            time.sleep(seconds)
        finally:
            self._waits.discard(wait)


CURRENT: ContextVar[Cancellation | None] = ContextVar(f"{__name__}.CURRENT", default=None)
"""The cancellation of the call that ``send`` hands to ``send_sync`` on another thread."""
