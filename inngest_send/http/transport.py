"""Posts to one URL over kept-alive connections, as handlers of an urllib.request.OpenerDirector.

Knows HTTP, and nothing of Inngest. Nothing of urllib's that is global is touched: its own handlers open a connection
for each request, and follow a redirected POST as a GET without the body.

Programs that trace wrap ``OpenerDirector.open``, and Python's audit hooks see what it is called with. They get to see
no secret, and need not leave anything as it was: the URL of the request they see ends in ``***``, what they add to its
headers goes out, and the response is taken from the exchange, whatever ``open`` returns.
"""

from __future__ import annotations

import http.client
import urllib.request
import weakref
from urllib.parse import urlsplit

try:
    import ssl
except ImportError:
    ssl = None  # type: ignore[assignment]

from ..runtime.signals import raise_if_from_signal_handler
from .cancellation import Cancelled
from .connection import Connection, Route, TunnelRefused, open_connection
from .exchange import Exchange, request_lines
from .pool import Pool
from .problem import duration, http_problem, is_timeout, network_problem, refusal_problem
from .proxy import find_proxy
from .trust import certificate_problem, verifying_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    from .cancellation import Cancellation
    from .response import Response


class Transport:
    """Posts bodies to one URL, whose last segment is a secret. Safe to use from many threads, and after a fork."""

    def __init__(self, url: str, *, ssl_context: SSLContext | None = None, max_idle: int = 64) -> None:
        """``max_idle`` is how many idle connections are kept. Raises Error where TLS is not to be had."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        proxy = find_proxy(parts.scheme, host, parts.netloc)
        self._has_own_context = False
        if parts.scheme == "http" and not (proxy and proxy.is_tls):
            ssl_context = None
        elif ssl_context is None:
            ssl_context, self._has_own_context = verifying_context(), True
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._route = Route(host, port, parts.netloc, ssl_context, proxy)
        self._target = urllib.request.Request(f"{url.rpartition('/')[0]}/***", method="POST")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._pool = Pool(max_idle)
        self._opener = urllib.request.OpenerDirector()
        self._opener.add_handler(_Handler(self._route, url, self._pool))
        # The opener and its handlers form a cycle; the sockets do not wait for it to be collected.
        weakref.finalize(self, self._pool.close)

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        bound: str = "",
        cancellation: Cancellation,
        new_connection: bool = False,
    ) -> Exchange:
        """Post ``body``, and return what came of it. ``timeout``, in seconds, bounds all of it.

        ``bound``: the timeout in words. ``headers``: by name in lower case. ``new_connection``: leave the idle ones
        alone, since one of them swallowed the request before. Raises only what is no matter of the network: what a
        signal handler raises, or a program that has put something of its own in the place of a function of Python's.
        """
        exchange = Exchange(
            self._target, body, headers, timeout=timeout, cancellation=cancellation, new_connection=new_connection
        )
        del body  # so that no frame of an exception that is raised here shows it
        try:
            self._opener.open(exchange)
        except Exception as err:
            raise_if_from_signal_handler(err, converted=True)
            # Where the response came, what a wrapper of the opener then raises is no matter.
            if exchange.response is None and not self._explain(exchange, err, bound or duration(timeout)):
                raise
        if exchange.response is None:
            if cancellation.is_cancelled:
                exchange.fail("cancelled", is_retriable=False)
            else:
                self._pool.drop_idle_since(exchange.began_at)  # they may be as dead
            if not exchange.problem:
                exchange.fail("not sent: what wraps urllib's OpenerDirector.open did not call it", is_retriable=False)
        return exchange

    def close(self) -> None:
        """Close all idle connections, and those in use as they come back."""
        self._pool.close()

    def _explain(self, exchange: Exchange, error: Exception, bound: str) -> bool:
        """Write into ``exchange`` what went wrong; return False for an error that is no matter of the network."""
        cause = error if isinstance(error, OSError) else None  # most HTTPExceptions hold what the server said
        is_retriable = True
        if isinstance(error, TunnelRefused):
            exchange.response = error.response
            problem = refusal_problem(self._route.authority, error.response.status)
        elif isinstance(error, Cancelled):
            problem = "cancelled"
        elif isinstance(error, http.client.HTTPException):
            problem = http_problem(error)
        elif ssl is not None and isinstance(error, ssl.SSLCertVerificationError):
            problem = certificate_problem(error, is_own=self._has_own_context)
            is_retriable = False
        elif isinstance(error, OSError):
            problem = network_problem(error, bound)
        else:
            return False
        problem = f"{exchange.step}: {problem}" if exchange.step else f"{problem} (POST to {self._origin})"
        exchange.fail(problem, cause, is_retriable=is_retriable)
        return True


class _Handler(urllib.request.BaseHandler):
    """Opens http and https on pooled connections, and returns the response as it is: redirects are not followed."""

    def __init__(self, route: Route, url: str, pool: Pool) -> None:
        self._route = route
        self._pool = pool
        self._host = route.authority
        self._target = f"/{url.partition('://')[2].partition('/')[2]}"
        self._proxy_headers: dict[str, str] = {}
        if route.proxy is not None and not route.proxy.is_tunnel:
            self._target, self._proxy_headers = url, route.proxy.headers

    def http_open(self, exchange: Exchange) -> Response:
        """Send the request on an idle connection, or else on a new one. Raises what Connection raises."""
        connection = None if exchange.new_connection else self._pool.acquire()
        if connection is not None:
            try:
                return self._send(connection, exchange)
            except OSError as err:
                raise_if_from_signal_handler(err)
                if connection.has_received or is_timeout(err):
                    raise
            # It died while it was idle. The same bytes go out again at once; their seed makes that safe.
            exchange.resent = True
            self._pool.drop_idle_since(exchange.began_at)
        connection = open_connection(self._route, exchange)
        exchange.step = ""
        return self._send(connection, exchange)

    https_open = http_open

    def _send(self, connection: Connection, exchange: Exchange) -> Response:
        exchange.may_have_arrived = True
        try:
            response = connection.send(self._written(exchange), exchange)
        except BaseException:
            connection.close()
            raise
        response.url = exchange.full_url
        exchange.response = response
        if 400 <= response.status < 500 and len(exchange.body) > _MAX_DRAINED:
            connection.close()
        else:
            self._pool.release(connection)
        return response

    def _written(self, exchange: Exchange) -> memoryview:
        """Return the request in one piece, so that head and body leave in one write, and its repr shows neither."""
        headers = exchange.all_headers()
        if self._proxy_headers:
            headers = {**headers, **self._proxy_headers}
        lines = request_lines(self._target, self._host, headers, len(exchange.body))
        return memoryview("\r\n".join([*lines, "", ""]).encode() + exchange.body)


# bytes. A server that refuses a request unread drains no more of its body than this (Go's net/http), and takes the rest
# for the next request. Where the kernel's buffers took the whole body, nothing shows whether the server read it.
_MAX_DRAINED = 262144
