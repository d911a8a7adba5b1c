"""One call's off switch: it ends the call's waits and shuts its socket down, from any thread."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Set


class Cancelled(Exception):
    """The call was cancelled, or its client closed."""


class Cancellation:
    """Cancels what one thread does with sockets and waits, and what the calls within that call do.

    It has no lock, so that a fork finds none held. Instead each side first says what it does and then looks at what
    the other says: the flag is set before the socket is read, and the socket named before the flag is read.
    """

    __slots__ = (
        *("_children", "_event", "_parent", "_process", "_socket"),
        *("has_begun", "is_over", "is_cancelled", "made_at"),
    )

    def __init__(self, parent: Optional[Cancellation] = None) -> None:
        self.made_at = time.monotonic()
        self.has_begun = False
        self.is_over = False  # only of one in CURRENT: what was copied with its context goes on without it
        self.is_cancelled = False
        self._process = os.getpid()
        self._socket: Optional[socket.socket] = None
        self._event: Optional[threading.Event] = None
        self._children: Set[Cancellation] = set()
        self._parent = parent
        if parent is not None:
            parent._children.add(self)
            self.is_cancelled = parent.is_cancelled

    def cancel(self) -> None:
        """End the call soon. Any thread may do so, more than once."""
        if self._process != os.getpid():
            return  # a forked child has a copy of its parent's call, and would end the parent's connection
        self.is_cancelled = True
        for child in tuple(self._children):
            child.cancel()
        event, sock = self._event, self._socket
        if event is not None:
            event.set()
        if sock is not None:
            # Not sock.shutdown(): an SSLSocket would drop its TLS state under the thread that reads from it.
            with suppress(OSError):  # not connected yet, or closed by now
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def end(self) -> None:
        """Say that the call is over."""
        if self._parent is not None:
            self._parent._children.discard(self)

    def attach(self, sock: socket.socket) -> None:
        """Name the socket to shut down. Raises Cancelled when it is too late."""
        self._socket = sock
        if self.is_cancelled:
            raise Cancelled

    def detach(self) -> None:
        """Forget the socket: it is closed, or will serve another call."""
        self._socket = None

    def wait(self, seconds: float) -> None:
        """Wait so long. Raises Cancelled as soon as the call is cancelled."""
        self._event = threading.Event()
        if self.is_cancelled or self._event.wait(seconds):
            raise Cancelled


CURRENT: ContextVar[Optional[Cancellation]] = ContextVar(f"{__name__}.CURRENT", default=None)
"""The cancellation of the call that ``send`` hands to ``send_sync`` on another thread."""
