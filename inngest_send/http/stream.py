"""A connected socket with one deadline over all that is done with it.

A time-out of the standard library bounds one read, so a server that drips a byte a second holds its caller for ever.
Here the socket does not block, and there is one place that waits: ``_wait``, which polls until the deadline.

- Reading polls first, since a response is hardly ever there yet, and an exception costs more than a poll.
- Writing writes first, since the kernel hardly ever lacks the room. When it does, reading is polled for, too: a server
  may refuse a large body before it has read it. Its response must be read then, before a failed write makes the kernel
  drop it.
- Under TLS either may have to wait for the other direction, which SSLWantReadError and SSLWantWriteError say.

Setting the time left as the socket's time-out before each read and write would be shorter. It makes a system call more
for each, and a TLS write that waits for room could not look for an early response.
"""

from __future__ import annotations

import errno
import select
import socket

try:
    import ssl
except ImportError:  # a Python built without it does http
    ssl = None  # type: ignore[assignment]

from ..runtime.clock import monotonic
from ..runtime.signals import raise_if_from_signal_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext, SSLSocket

    from .cancellation import Cancellation

CHUNK = 65536  # bytes

# seconds. A path that swallows packets, as a firewall does that forgot the connection, acknowledges nothing; a server
# that is slow, does. The kernel tells the two apart and ends the connection. It also ends one whose peer is there, and
# reads nothing, so that its window is full: the limit is taken off as soon as such a peer is seen.
MAX_UNACKNOWLEDGED = 5.0
_UNACKNOWLEDGED = slice(24, 28)  # of Linux's struct tcp_info: how many packets are

_MAX_WAIT = 3600.0  # seconds; longer waits are made of several, since poll() counts milliseconds in a C int
_INFORMATIONAL = b"HTTP/1.1 1"

_WANTS_READ: tuple[type[OSError], ...] = (BlockingIOError,)
_WANTS_WRITE: tuple[type[OSError], ...] = (BlockingIOError,)
if ssl is not None:
    _WANTS_READ += (ssl.SSLWantReadError,)
    _WANTS_WRITE += (ssl.SSLWantWriteError,)


def connect(host: str, port: int, deadline: float, cancellation: Cancellation) -> socket.socket:
    """Return a socket connected to the first address of ``host`` that answers. Raises OSError, Cancelled.

    Each address may take its share of the time left, so that a silent one does not take it all. Looking up the name
    cannot be interrupted.
    """
    # As bytes the lookup does not load the idna codec: config made the name ASCII. One that a program has put in the
    # place of Python's own, to cache names or to map them in tests, gets what urllib would give it.
    is_own = getattr(socket.getaddrinfo, "__globals__", None) is vars(socket)
    addresses = socket.getaddrinfo(host.encode() if is_own else host, port, 0, socket.SOCK_STREAM)
    failure: OSError | None = None
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)  # which fails where the system is without IPv6
            cancellation.attach(sock)
            sock.settimeout(time_left(deadline) / (len(addresses) - index))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except BaseException as err:
            if sock is not None:
                cancellation.detach(sock)
                sock.close()
            raise_if_from_signal_handler(err)
            if not isinstance(err, OSError):
                raise
            failure = err.with_traceback(None)  # breaks the reference cycle exception > traceback > frame
    raise failure or OSError(errno.EADDRNOTAVAIL, "the host has no address")


def start_tls(
    sock: socket.socket, context: SSLContext, host: str, deadline: float, cancellation: Cancellation
) -> SSLSocket:
    """Return ``sock`` with TLS on it, verified to be ``host``. Closes it on failure. Raises OSError, Cancelled."""
    try:
        tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    finally:
        cancellation.detach(sock)
    try:
        cancellation.attach(tls)
        tls.settimeout(time_left(deadline))  # bounds the handshake as a whole
        tls.do_handshake()
    except BaseException:
        cancellation.detach(tls)
        tls.close()
        raise
    return tls


def time_left(deadline: float) -> float:
    """Return the seconds until ``deadline``, as a time-out that every call takes. Raises socket.timeout."""
    left = deadline - monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return min(left, _MAX_WAIT)


class Stream:
    """A socket that never blocks beyond its deadline. Its methods raise OSError."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.has_received = False  # since begin()
        self.has_ended = False  # the end of the stream was read
        self.is_cut_short = False  # the peer responded before it had the whole request
        self._pending = getattr(sock, "pending", None)  # under TLS: what was received and decrypted already
        self._deadline = 0.0
        self._max_unacknowledged = 0.0  # seconds; no limit yet
        self._received = b""  # and not yet read

    def begin(self, deadline: float, cancellation: Cancellation) -> None:
        """Begin an exchange that ends by ``deadline``, by runtime.clock. Raises Cancelled."""
        cancellation.attach(self.socket)
        self.has_received = False
        self._deadline = deadline
        self._received = b""

    def limit_unacknowledged(self) -> None:
        """Have the kernel end the connection soon when the peer acknowledges nothing; where it can, as Linux does."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # In half the time at most, so that as much is left for another connection.
            self._set_max_unacknowledged(min(MAX_UNACKNOWLEDGED, time_left(self._deadline) / 2))

    def is_alive(self) -> bool:
        """Return whether the peer has neither closed the connection nor sent what nobody asked for."""
        try:
            readable, _ = _poll(self.socket, True, False, 0)
            return not readable or self._receive_now() is None  # under TLS it may have been a session ticket
        except OSError as err:
            raise_if_from_signal_handler(err)
            return False

    def sendall(self, data: memoryview) -> None:
        """Write ``data``, or as much as the peer takes before it responds: a refusal need not wait for the end."""
        while True:
            for_writing = True
            try:
                data = data[self.socket.send(data) :]
            except _WANTS_WRITE as err:
                raise_if_from_signal_handler(err)
            except _WANTS_READ as err:
                raise_if_from_signal_handler(err)
                for_writing = False
            except OSError as err:
                raise_if_from_signal_handler(err)
                if not self._has_early_response():
                    raise
                self.is_cut_short = True
                return
            if not data:
                return
            readable, _ = self._wait(True, for_writing)
            if readable and self._has_early_response():
                self.is_cut_short = True
                return

    def receive(self, size: int = CHUNK) -> bytes:
        """Return some bytes, up to ``size``, as soon as there are any; b"" at the end of the stream."""
        if self._received:
            received, self._received = self._received[:size], self._received[size:]
            return received
        for_writing = False
        while True:
            if self._pending is None or not self._pending():
                self._wait(not for_writing, for_writing)
            try:
                received = self.socket.recv(size)
            except _WANTS_READ as err:
                raise_if_from_signal_handler(err)
                for_writing = False
            except _WANTS_WRITE as err:
                raise_if_from_signal_handler(err)
                for_writing = True
            else:
                if received:
                    self.has_received = True
                else:
                    self.has_ended = True
                return received

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _wait(self, reading: bool, writing: bool) -> tuple[bool, bool]:
        """Return whether the socket can be read from, and written to, as soon as one is so. Raises socket.timeout."""
        while True:
            seconds = time_left(self._deadline)
            until_look = self._max_unacknowledged / 2
            if 0 < until_look < seconds:
                seconds = until_look
            readable, writable = _poll(self.socket, reading, writing, seconds)
            if readable or writable:
                return readable, writable
            if seconds == until_look:
                self._allow_full_window()
            elif seconds < _MAX_WAIT:  # it was all the time left, whatever a clock says that a test has frozen
                raise socket.timeout("timed out")

    def _set_max_unacknowledged(self, seconds: float) -> None:
        if seconds != self._max_unacknowledged:
            self._max_unacknowledged = seconds
            milliseconds = max(1, int(seconds * 1000)) if seconds else 0
            try:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            except OSError as err:  # the kernel does not know it, or the connection is dead, as the write will say
                raise_if_from_signal_handler(err)
                self._max_unacknowledged = 0.0

    def _allow_full_window(self) -> None:
        """Take the limit off if the peer has acknowledged all that was sent: the rest waits for room in its window."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKNOWLEDGED.stop)
        if not any(info[_UNACKNOWLEDGED]):
            self._set_max_unacknowledged(0.0)

    def _receive_now(self) -> bytes | None:
        """Return what can be read without waiting: b"" at the end of the stream, None for nothing."""
        try:
            return self.socket.recv(CHUNK)
        except (*_WANTS_READ, *_WANTS_WRITE) as err:
            raise_if_from_signal_handler(err)
            return None

    def _has_early_response(self) -> bool:
        """Return whether the peer responded, or ended the stream, before the whole request was written."""
        try:
            received = self._receive_now()
        except OSError as err:
            raise_if_from_signal_handler(err)
            return False  # the write that follows says what is wrong
        if received is None:
            return False
        if not received:
            return True
        self.has_received = True
        self._received = _without_informational(self._received + received)
        begun = self._received[: len(_INFORMATIONAL)]
        return begun != _INFORMATIONAL[: len(begun)] or len(self._received) > CHUNK  # which no head ever is


def _without_informational(received: bytes) -> bytes:
    """Return what follows informational responses (RFC 9110, section 15.2), which may come unasked."""
    start = 0
    while received.startswith(_INFORMATIONAL, start):
        end = received.find(b"\r\n\r\n", start)
        if end < 0:
            break
        start = end + 4
    return received[start:]


def _poll(sock: socket.socket, reading: bool, writing: bool, seconds: float) -> tuple[bool, bool]:
    """Wait until the socket can be read from or written to; an error or an end counts as both."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0))
        ready = poll.poll(seconds * 1000)
        mask = ready[0][1] if ready else 0
        failed = bool(mask & ~(select.POLLIN | select.POLLOUT))
        return failed or bool(mask & select.POLLIN), failed or bool(mask & select.POLLOUT)
    wanted = [sock]
    readable, writable, _ = select.select(wanted if reading else [], wanted if writing else [], [], seconds)
    return bool(readable), bool(writable)
