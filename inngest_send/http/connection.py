"""One kept-alive HTTP/1.1 connection: over a channel, directly or through a proxy."""

from __future__ import annotations

import time

from .response import FinalResponse, Response, read_response
from .stream import Stream, connect, start_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Optional

    from .cancellation import Cancellation
    from .proxy import Proxy

MAX_IDLE = 30.0  # seconds; load balancers close idle connections, often after 60


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


class Connection:
    """A connection to one origin. Its methods raise OSError, http.client.HTTPException and Cancelled.

    Not an http.client.HTTPConnection: that writes head and body apart, builds the head anew with a check of each
    header, and closes its socket before the last answer is read. Its reading of answers is used as it is.
    """

    def __init__(self, route: Route) -> None:
        self.is_reusable = False
        self._route = route
        self._stream: Optional[Stream] = None
        self._idle_since = self._idle_since_wall = 0.0

    def open(self, deadline: float, cancellation: Cancellation) -> None:
        """Connect by ``deadline``, through the proxy if there is one. Raises TunnelRefused too."""
        route, proxy = self._route, self._route.proxy
        host, port = (route.host, route.port) if proxy is None else (proxy.host, proxy.port)
        sock = connect(host, port, deadline, cancellation)
        if proxy is not None and proxy.is_tunnel:
            try:
                _open_tunnel(Stream(sock), route, proxy, deadline, cancellation)
            except BaseException:
                sock.close()
                raise
            host = route.host
        if route.ssl_context is not None:
            sock = start_tls(sock, route.ssl_context, host, deadline, cancellation)
        self._stream = Stream(sock)

    def exchange(self, request: memoryview, deadline: float, cancellation: Cancellation) -> Response:
        """Write a whole POST request, and return the answer, all by ``deadline``."""
        stream = self._stream
        assert stream is not None
        self.is_reusable = False
        stream.begin(deadline, cancellation)
        try:
            stream.sendall(request)
            response, is_reusable = read_response(stream)
        finally:
            cancellation.detach(stream.socket)
        if is_reusable and not stream.is_cut_short:
            self.is_reusable = True
            self._idle_since, self._idle_since_wall = time.monotonic(), time.time()
        return response

    @property
    def has_received(self) -> bool:
        """Whether any byte of an answer came since the last exchange began."""
        return self._stream is not None and self._stream.has_received

    def is_fresh(self) -> bool:
        """Return whether the idle connection has not been idle for too long, by the wall clock either.

        The monotonic clock may stand still while a machine is frozen, as between two invocations of a Lambda.
        """
        idle = time.monotonic() - self._idle_since
        return idle <= MAX_IDLE and abs(time.time() - self._idle_since_wall) <= MAX_IDLE

    def is_alive(self) -> bool:
        """Return whether the server has left the idle connection open."""
        return self._stream is not None and self._stream.is_alive()

    def disconnect(self) -> None:
        """Close the socket."""
        if self._stream is not None:
            self._stream.close()


def _open_tunnel(stream: Stream, route: Route, proxy: Proxy, deadline: float, cancellation: Cancellation) -> None:
    host = f"[{route.host}]" if ":" in route.host else route.host
    authority = f"{host}:{route.port}"
    head = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    head += [f"{name}: {value}" for name, value in proxy.headers.items()]
    stream.begin(deadline, cancellation)
    stream.sendall("\r\n".join([*head, "", ""]).encode("ascii"))
    # Not http.client's own set_tunnel(): it reports a refusal as an OSError without a status.
    response = FinalResponse(stream.makefile(), "CONNECT")
    try:
        response.begin()
        if not 200 <= response.status < 300:
            raise TunnelRefused(Response(response.status, response.by_lower_case(), b""))
    finally:
        response.close()
