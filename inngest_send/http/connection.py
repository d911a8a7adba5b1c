"""One kept-alive HTTP/1.1 connection: over a stream, directly or through a proxy."""

from __future__ import annotations

import time

from ..runtime.clock import monotonic
from .response import FinalResponse, Response, read_response
from .stream import Stream, connect, start_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext

    from .exchange import Exchange
    from .proxy import Proxy

MAX_IDLE = 30.0  # seconds; load balancers close idle connections, often after 60
MAX_AGE = 300.0  # seconds; a host name may stand for other addresses by then


class TunnelRefused(Exception):
    """A proxy's ``response`` to CONNECT was something else than 2xx."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Route:
    """How to reach an origin: its host (no brackets) and port, TLS or none, a proxy or none."""

    def __init__(
        self, host: str, port: int, authority: str, ssl_context: SSLContext | None, proxy: Proxy | None
    ) -> None:
        """``authority``: the host, and the port if one is given, as in the URL."""
        self.host = host
        self.port = port
        self.authority = authority
        self.ssl_context = ssl_context
        self.proxy = proxy


class Connection:
    """An open connection to one origin.

    Not an http.client.HTTPConnection: that writes head and body apart, builds the head anew with a check of each
    header, and closes its socket before the last response is read. Its reading of responses is used as it is.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.is_reusable = False
        self.idle_since = self._idle_since_wall = 0.0
        self._opened_at = monotonic()

    def send(self, request: memoryview, exchange: Exchange) -> Response:
        """Write a whole request, and return the response. Raises OSError, http.client.HTTPException, Cancelled."""
        stream = self._stream
        is_reused, self.is_reusable = self.is_reusable, False
        try:
            stream.begin(exchange.deadline, exchange.cancellation)
            if is_reused:
                stream.limit_unacknowledged()
            stream.sendall(request)
            response, is_reusable = read_response(stream)
        finally:
            exchange.cancellation.detach(stream.socket)
        if is_reusable and not stream.is_cut_short:
            self.is_reusable = True
            self.idle_since, self._idle_since_wall = monotonic(), time.time()
        return response

    @property
    def has_received(self) -> bool:
        """Whether any byte of a response came since the last request began."""
        return self._stream.has_received

    def has_expired(self) -> bool:
        """Return whether the connection is too old, or has been idle for too long, by the wall clock either.

        The monotonic clock may stand still while a machine is frozen, as between two invocations of a Lambda.
        """
        now = monotonic()
        if now - self.idle_since > MAX_IDLE or now - self._opened_at > MAX_AGE:
            return True
        return abs(time.time() - self._idle_since_wall) > MAX_IDLE

    def is_alive(self) -> bool:
        """Return whether the server has left the idle connection open."""
        return self._stream.is_alive()

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def __del__(self) -> None:
        # What a signal handler raises may strike between any two instructions, and leave nobody to close a connection.
        if hasattr(self, "_stream"):
            self.close()


def open_connection(route: Route, exchange: Exchange) -> Connection:
    """Connect, through the proxy if there is one. Raises OSError, http.client.HTTPException, Cancelled, TunnelRefused.

    ``exchange.step`` says how far it came.
    """
    proxy, deadline, cancellation = route.proxy, exchange.deadline, exchange.cancellation
    if proxy is None:
        exchange.step = f"cannot connect to {route.authority}"
        host, port = route.host, route.port
    else:
        exchange.step = f"cannot connect to {proxy}"
        host, port = proxy.host, proxy.port
    sock = connect(host, port, deadline, cancellation)
    try:
        if proxy is not None and proxy.is_tunnel:
            exchange.step = f"cannot connect to {route.authority} through {proxy}"
            _open_tunnel(Stream(sock), route, proxy, exchange)
            host = route.host
        if route.ssl_context is not None:
            sock = start_tls(sock, route.ssl_context, host, deadline, cancellation)
        return Connection(Stream(sock))
    except BaseException:
        sock.close()
        raise
    finally:
        cancellation.detach(sock)


def _open_tunnel(stream: Stream, route: Route, proxy: Proxy, exchange: Exchange) -> None:
    host = f"[{route.host}]" if ":" in route.host else route.host
    authority = f"{host}:{route.port}"
    head = [f"CONNECT {authority} HTTP/1.1", f"host: {authority}"]
    head += [f"{name}: {value}" for name, value in proxy.headers.items()]
    stream.begin(exchange.deadline, exchange.cancellation)
    stream.sendall(memoryview("\r\n".join([*head, "", ""]).encode()))
    # Not http.client's own set_tunnel(): it reports a refusal as an OSError without a status.
    response = FinalResponse(stream)
    response.begin()
    if not 200 <= response.status < 300:
        raise TunnelRefused(Response(response.status, response.by_lower_case(), b""))
