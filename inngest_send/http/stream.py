"""A connected socket with one deadline over all that is done with it.

A timeout of the standard library bounds one read, so a server that drips a byte a second holds its caller for ever.
Here the socket does not block, and each wait ends at the deadline.
"""

from __future__ import annotations

import io
import select
import socket

try:
    import ssl
except ImportError:  # a Python built without it does http
    ssl = None  # type: ignore[assignment]

from ..runtime.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext, SSLSocket
    from typing import Any, Optional, Tuple, Type

    from .cancellation import Cancellation

_MAX_WAIT = 3600.0  # seconds; longer waits are made of several, since poll() counts milliseconds in a C int
_INTERIM = b"HTTP/1.1 1"

_WANTS_READ: Tuple[Type[OSError], ...] = (BlockingIOError,)
_WANTS_WRITE: Tuple[Type[OSError], ...] = (BlockingIOError,)
if ssl is not None:
    _WANTS_READ += (ssl.SSLWantReadError,)
    _WANTS_WRITE += (ssl.SSLWantWriteError,)


def connect(host: str, port: int, deadline: float, cancellation: Cancellation) -> socket.socket:
    """Return a socket connected to the first address of ``host`` that answers. Raises OSError, Cancelled.

    Each address may take its share of the time left, so that a silent one does not take it all. Looking up the name
    cannot be interrupted.
    """
    error: Optional[OSError] = None
    # As bytes, so that the lookup does not load the idna codec: config made the name ASCII.
    addresses = socket.getaddrinfo(host.encode("ascii"), port, 0, socket.SOCK_STREAM)
    try:
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            sock = socket.socket(family, kind, protocol)
            try:
                cancellation.attach(sock)
                sock.settimeout(time_left(deadline) / (len(addresses) - index))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except OSError as err:
                sock.close()
                error = err
            except BaseException:
                sock.close()
                raise
        raise error or OSError("the host has no address")
    finally:
        error = None  # else this frame and the error's traceback would hold each other


def start_tls(
    sock: socket.socket, context: SSLContext, host: str, deadline: float, cancellation: Cancellation
) -> SSLSocket:
    """Return ``sock`` with TLS on it, verified to be ``host``. Closes it on failure. Raises OSError, Cancelled."""
    try:
        tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        cancellation.detach(sock)
        cancellation.attach(tls)
        tls.settimeout(time_left(deadline))  # bounds the handshake as a whole
        tls.do_handshake()
    except BaseException:
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
    """A socket that never blocks beyond its deadline; http.client reads answers from it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.has_received = False  # since begin()
        self.has_ended = False  # the end of the stream was read
        self.is_cut_short = False  # the peer answered before it had the whole request
        self._deadline = 0.0
        self._early = b""

    def begin(self, deadline: float, cancellation: Cancellation) -> None:
        """Begin an exchange that ends by ``deadline``, on the monotonic clock. Raises Cancelled."""
        cancellation.attach(self.socket)
        self.has_received = False
        self._deadline = deadline
        self._early = b""

    def is_alive(self) -> bool:
        """Return whether the peer has neither closed the connection nor sent what nobody asked for."""
        try:
            readable, _ = _poll(self.socket, True, False, 0)
            return not readable or self._receive() is None  # under TLS it may have been a session ticket
        except OSError:
            return False

    def sendall(self, data: Any) -> None:
        """Write ``data``, or as much as the peer takes before it answers: a refusal need not wait for the end.

        After a failed write an answer that waits to be read is often lost, so it is watched for while writing.
        """
        view = memoryview(data)
        while True:
            for_writing = True
            try:
                view = view[self.socket.send(view) :]
            except _WANTS_WRITE:
                pass
            except _WANTS_READ:
                for_writing = False
            except OSError:
                if not self._is_answered():
                    raise
                self.is_cut_short = True
                return
            if not view:
                return
            readable, _ = _poll(self.socket, True, for_writing, time_left(self._deadline))
            if readable and self._is_answered():
                self.is_cut_short = True
                return

    def makefile(self) -> ResponseFile:
        """Return a file to read one answer from."""
        return ResponseFile(_Reader(self))

    def receive_into(self, buffer: Any) -> int:
        """Wait for bytes and read them; 0 at the end of the stream."""
        if self._early:
            count = min(len(buffer), len(self._early))
            buffer[:count] = self._early[:count]
            self._early = self._early[count:]
            return count
        while True:
            left = time_left(self._deadline)
            for_writing = False
            try:
                count = self.socket.recv_into(buffer)
            except _WANTS_READ:
                pass
            except _WANTS_WRITE:
                for_writing = True
            else:
                if count:
                    self.has_received = True
                else:
                    self.has_ended = True
                return count
            _poll(self.socket, not for_writing, for_writing, left)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _receive(self) -> Optional[bytes]:
        """Return what can be read without waiting: b"" at the end of the stream, None for nothing."""
        try:
            return self.socket.recv(65536)
        except (*_WANTS_READ, *_WANTS_WRITE):
            return None

    def _is_answered(self) -> bool:
        """Return whether the peer answered, or ended the stream, before the whole request was written."""
        try:
            received = self._receive()
        except OSError:
            return False  # the write that follows says what is wrong
        if received is None:
            return False
        if not received:
            return True
        self.has_received = True
        self._early += received
        return _begins_final_response(self._early)


class ResponseFile(io.BufferedReader):
    """A file to read one answer from. ``has_surplus``, once it is closed: more had come than was read."""

    has_surplus = False

    def close(self) -> None:
        """Close the file, not the channel."""
        if not self.closed:
            self.raw.is_over = True  # type: ignore[attr-defined]  # so that peek() reads nothing more
            self.has_surplus = bool(self.peek())
        super().close()


class _Reader(io.RawIOBase):
    is_over = False

    def __init__(self, stream: Stream) -> None:
        self._channel = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return 0 if self.is_over else self._channel.receive_into(buffer)


def _begins_final_response(received: bytes) -> bool:
    """Return whether there is more than interim answers (RFC 9110, section 15.2), which may come unasked."""
    while received.startswith(_INTERIM):
        _, end, received = received.partition(b"\r\n\r\n")
        if not end:
            return False
    return received[: len(_INTERIM)] != _INTERIM[: len(received)]


def _poll(sock: socket.socket, reading: bool, writing: bool, seconds: float) -> Tuple[bool, bool]:
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
