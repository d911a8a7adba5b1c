"""One kept-alive HTTP/1.1 connection: http.client over a channel, directly or through a proxy."""

from __future__ import annotations

import http.client
import re
import time

from .channel import AnswerFile, Channel, connect, start_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Dict, List, Optional, Tuple

    from .cancellation import Cancellation
    from .proxy import Proxy

MAX_ANSWER_SIZE = 16 * 1024 * 1024  # bytes; what lies beyond is not read
MAX_IDLE = 30.0  # seconds; load balancers close idle connections, often after 60
_CHUNK = 65536  # bytes


class Response:
    """The answer to a request: its status, its headers by lower-case name, and its body up to MAX_ANSWER_SIZE.

    ``was_resent``: the request had gone out before, on a connection that died without an answer.
    """

    __slots__ = ("body", "headers", "status", "was_resent")

    def __init__(self, status: int, headers: Dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.was_resent = False


class TunnelRefused(Exception):
    """A proxy answered CONNECT with something else than 2xx; ``response`` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Route:
    """How to reach an origin: its host (no brackets) and port, TLS or none, a proxy or none."""

    def __init__(self, host: str, port: int, ssl_context: Optional[ssl.SSLContext], proxy: Optional[Proxy]) -> None:
        self.host = host
        self.port = port
        self.ssl_context = ssl_context
        self.proxy = proxy


class _FinalResponse(http.client.HTTPResponse):
    """An answer read from ``file``. Passes over interim answers; http.client itself knows 100 only."""

    def __init__(self, file: AnswerFile, method: str) -> None:
        self._file = file
        super().__init__(self, method=method)  # type: ignore[arg-type]  # all it wants of a socket is makefile()

    def makefile(self, _: str) -> AnswerFile:
        return self._file

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # else begin() takes itself for done
            super().begin()

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # unknown to the type checker
        if size < 0:  # http.client would read to the end of the stream, however far that is
            raise http.client.IncompleteRead(b"")
        return size

    def by_lower_case(self) -> Dict[str, str]:
        """Return the headers, by name in lower case."""
        return {name.lower(): value for name, value in self.getheaders()}


class Connection:
    """A connection to one origin. Its methods raise OSError, http.client.HTTPException and Cancelled.

    Not an http.client.HTTPConnection: that writes head and body apart, builds the head anew with a check of each
    header, and closes its socket before the last answer is read. Its reading of answers is used as it is.
    """

    def __init__(self, route: Route) -> None:
        self.is_reusable = False
        self._route = route
        self._channel: Optional[Channel] = None
        self._idle_since = self._idle_since_wall = 0.0

    def open(self, deadline: float, cancellation: Cancellation) -> None:
        """Connect by ``deadline``, through the proxy if there is one. Raises TunnelRefused too."""
        route, proxy = self._route, self._route.proxy
        host, port = (route.host, route.port) if proxy is None else (proxy.host, proxy.port)
        sock = connect(host, port, deadline, cancellation)
        if proxy is not None and proxy.is_tunnel:
            try:
                _open_tunnel(Channel(sock), route, proxy, deadline, cancellation)
            except BaseException:
                sock.close()
                raise
            host = route.host
        if route.ssl_context is not None:
            sock = start_tls(sock, route.ssl_context, host, deadline, cancellation)
        self._channel = Channel(sock)

    def exchange(self, request: bytes, deadline: float, cancellation: Cancellation) -> Response:
        """Write a whole POST request, and return the answer, all by ``deadline``."""
        channel = self._channel
        assert channel is not None
        self.is_reusable = False
        channel.begin(deadline, cancellation)
        try:
            channel.sendall(request)
            file = channel.makefile()
            response = _read_usual(file)
            is_reusable = True
            if response is None:
                response, is_reusable = _read_any(file, channel)
        finally:
            cancellation.detach()
        if is_reusable and not channel.is_cut_short:
            self.is_reusable = True
            self._idle_since, self._idle_since_wall = time.monotonic(), time.time()
        return response

    @property
    def has_received(self) -> bool:
        """Whether any byte of an answer came since the last exchange began."""
        return self._channel is not None and self._channel.has_received

    def is_fresh(self) -> bool:
        """Return whether the idle connection has not been idle for too long, by the wall clock either.

        The monotonic clock may stand still while a machine is frozen, as between two invocations of a Lambda.
        """
        idle = time.monotonic() - self._idle_since
        return idle <= MAX_IDLE and abs(time.time() - self._idle_since_wall) <= MAX_IDLE

    def is_quiet(self) -> bool:
        """Return whether the server has left the idle connection open."""
        return self._channel is not None and self._channel.is_quiet()

    def disconnect(self) -> None:
        """Close the socket."""
        if self._channel is not None:
            self._channel.close()


# The head of the answer of a server that keeps the connection open, as far as it need be looked at.
_USUAL_HEAD = re.compile(rb"HTTP/1\.1 (?!204|304)([2-5]\d\d) [^\r\n]*\r\n((?:[A-Za-z0-9-]+:[^\r\n]*\r\n)+)\r\n")


def _read_usual(file: AnswerFile) -> Optional[Response]:
    """Read an answer that came in one piece and is as simple as nearly all are; None, with nothing read, for others.

    http.client reads every head with the email package, which would be a tenth of the time of a whole send.
    """
    received = file.peek()
    head = _USUAL_HEAD.match(received)
    if head is None:
        return None
    headers: Dict[str, str] = {}
    lines = head[2].decode("latin-1").split("\r\n")[:-1]
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    length = headers.get("content-length", "")
    if len(headers) != len(lines) or "transfer-encoding" in headers or "connection" in headers:
        return None
    if length != str(len(received) - head.end()):
        return None
    return Response(int(head[1]), headers, received[head.end() :])


def _read_any(file: AnswerFile, channel: Channel) -> Tuple[Response, bool]:
    """Read an answer; return it, and whether another may follow on the connection."""
    response = _FinalResponse(file, "POST")
    try:
        response.begin()
        if channel.has_ended:  # http.client takes a head that is cut short for a whole one
            raise http.client.IncompleteRead(b"")
        try:
            content = _content(response)
            is_reusable = response.isclosed() and not response.will_close and not file.has_surplus
        except (OSError, http.client.HTTPException):
            if not 400 < response.status < 500:  # others may list events that were accepted
                raise
            content, is_reusable = b"", False  # a refusal it is all the same, often cut off by who did not read it all
        return Response(response.status, response.by_lower_case(), content), is_reusable
    finally:
        response.close()


def _content(response: http.client.HTTPResponse) -> bytes:
    if response.length is not None and response.length <= MAX_ANSWER_SIZE:
        return response.read()  # raises IncompleteRead when it is cut short, which read(n) hides
    pieces: List[bytes] = []
    size = 0
    while size < MAX_ANSWER_SIZE:
        piece = response.read(min(_CHUNK, MAX_ANSWER_SIZE - size))
        if not piece:
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _open_tunnel(channel: Channel, route: Route, proxy: Proxy, deadline: float, cancellation: Cancellation) -> None:
    host = f"[{route.host}]" if ":" in route.host else route.host
    authority = f"{host}:{route.port}"
    head = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    head += [f"{name}: {value}" for name, value in proxy.headers.items()]
    channel.begin(deadline, cancellation)
    channel.sendall("\r\n".join([*head, "", ""]).encode("ascii"))
    # Not http.client's own set_tunnel(): it reports a refusal as an OSError without a status.
    response = _FinalResponse(channel.makefile(), "CONNECT")
    try:
        response.begin()
        if not 200 <= response.status < 300:
            raise TunnelRefused(Response(response.status, response.by_lower_case(), b""))
    finally:
        response.close()
