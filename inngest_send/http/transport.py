"""Posts to one URL over kept-alive connections, as handlers of an urllib.request.OpenerDirector.

Knows HTTP, and nothing of Inngest. Nothing of urllib's that is global is touched: its own handlers open a connection
for each request, and follow a redirected POST as a GET without the body.
"""

from __future__ import annotations

import http.client
import socket
import urllib.request
import weakref
from urllib.parse import urlsplit

try:
    import ssl
except ImportError:
    ssl = None  # type: ignore[assignment]

from ..errors import Error
from .cancellation import Cancelled
from .connection import Connection, Route, TunnelRefused
from .exchange import Exchange, request_lines
from .pool import Pool
from .proxy import find_proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    from .cancellation import Cancellation
    from .response import Response


class Transport:
    """Posts bodies to one URL. Safe to use from many threads, and after a fork."""

    def __init__(self, url: str, *, ssl_context: SSLContext | None = None, max_idle: int = 64) -> None:
        """``max_idle`` is how many idle connections are kept. Raises Error where TLS is not to be had."""
        self._url = url
        parts = urlsplit(url)
        proxy = find_proxy(parts.scheme, parts.netloc)
        if parts.scheme == "http" and not (proxy and proxy.is_tls):
            ssl_context = None
        elif ssl_context is None:
            ssl_context = _verifying_context()
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._peer = f"the proxy {proxy.host}:{proxy.port}" if proxy else parts.netloc
        self._pool = Pool(Route(parts.hostname or "", port, ssl_context, proxy), max_idle)
        self._opener = urllib.request.OpenerDirector()
        self._opener.add_handler(_Handler(self._pool))
        # The opener and its handlers form a cycle; the sockets do not wait for it to be collected.
        weakref.finalize(self, self._pool.close)

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        cancellation: Cancellation,
        new_connection: bool = False,
    ) -> Exchange:
        """Post ``body``, and return what came of it. ``timeout``, in seconds, bounds all of it.

        ``new_connection``: leave the idle ones alone, since one of them swallowed the request before. Raises only what
        is no matter of the network.
        """
        exchange = Exchange(
            self._url, body, headers, timeout=timeout, cancellation=cancellation, new_connection=new_connection
        )
        try:
            self._opener.open(exchange)
        except TunnelRefused as err:
            exchange.response = err.response
            exchange.fail(f"the proxy refused to connect: HTTP {err.response.status}")
        except Cancelled:
            pass  # as is_cancelled says below
        except http.client.HTTPException as err:
            # Not kept unless it is an OSError too: most of them hold what the server said.
            exchange.fail(_http_problem(err), err if isinstance(err, OSError) else None)
        except OSError as err:
            problem = _network_problem(err, timeout)
            if exchange.is_connecting:
                problem = f"cannot connect to {self._peer}: {problem}"
            verified = ssl is None or not isinstance(err, ssl.SSLCertVerificationError)
            exchange.fail(problem, err, is_retriable=verified)
        if exchange.response is None and cancellation.is_cancelled:
            exchange.fail("cancelled", is_retriable=False)
        return exchange

    def close(self) -> None:
        """Close all idle connections, and those in use as they come back."""
        self._pool.close()


class _Handler(urllib.request.BaseHandler):
    """Opens http and https on pooled connections, and returns the answer as it is: redirects are not followed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def http_open(self, exchange: Exchange) -> Response:
        """Send the request on an idle connection, or else on a new one. Raises what Connection raises."""
        connection = None if exchange.new_connection else self._pool.acquire()
        if connection is not None:
            try:
                return self._send(connection, exchange)
            except _DIED:
                if connection.has_received:
                    raise
            exchange.resent = True
            # It died while it was idle. The same bytes go out again at once; their seed makes that safe.
        connection = Connection(self._pool.route)
        exchange.is_connecting = True
        try:
            connection.open(exchange.deadline, exchange.cancellation)
        except BaseException:
            connection.disconnect()
            raise
        exchange.is_connecting = False
        return self._send(connection, exchange)

    https_open = http_open

    def _send(self, connection: Connection, exchange: Exchange) -> Response:
        exchange.may_have_arrived = True
        try:
            response = connection.exchange(self._written(exchange), exchange.deadline, exchange.cancellation)
        except BaseException:
            connection.disconnect()
            raise
        if 400 <= response.status < 500 and len(exchange.data) > _MAX_DRAINED:
            connection.disconnect()
        else:
            self._pool.release(connection)
        exchange.response = response
        return response

    def _written(self, exchange: Exchange) -> memoryview:
        """Return the request in one piece, so that head and body leave in one write, and its repr shows neither."""
        proxy = self._pool.route.proxy
        target, headers = exchange.selector, exchange.headers
        if proxy is not None and not proxy.is_tunnel:
            target, headers = exchange.full_url, {**headers, **proxy.headers}
        lines = request_lines(target, exchange.host, headers, len(exchange.data))
        return memoryview("\r\n".join([*lines, "", ""]).encode() + exchange.data)


# What a connection that the server closed while it was idle raises; http.client's RemoteDisconnected is one of them.
# Under TLS the end of the stream has many names, and on Python 3.7 with OpenSSL 3 none of its own.
_DIED = (ConnectionError,) if ssl is None else (ConnectionError, ssl.SSLError)


# bytes. A server that refuses a request unread drains no more of its body than this (Go's net/http), and takes the rest
# for the next request. Where the kernel's buffers took the whole body, nothing shows whether the server read it.
_MAX_DRAINED = 262144


def _verifying_context() -> SSLContext:
    if ssl is None:
        raise Error("https needs the ssl module, which this Python was built without")
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _http_problem(error: http.client.HTTPException) -> str:
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection without an answer"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut short"
    return "the answer is not HTTP"


def _network_problem(error: OSError, timeout: float) -> str:
    if isinstance(error, socket.timeout):
        return f"timed out after {timeout:.3g} s"
    if ssl is not None and isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate does not verify: {error.verify_message}"
    if ssl is not None and isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    return str(error.strerror or type(error).__name__)
