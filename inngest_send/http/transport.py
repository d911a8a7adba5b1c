"""Posts to one URL over kept-alive connections, as handlers of an urllib.request.OpenerDirector.

Knows HTTP, and nothing of Inngest. Nothing of urllib's that is global is touched: its own handlers open a connection
for each request, and follow a redirected POST as a GET without the body.
"""

from __future__ import annotations

import http.client
import socket
import time
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
from .pool import Pool
from .proxy import find_proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext
    from typing import Dict, List, Optional

    from .cancellation import Cancellation
    from .response import Response


class RequestFailed(Exception):
    """No answer came, or not from the server.

    ``was_sent``: the server may have got the request, or the beginning of it. ``is_retriable``: another try may
    succeed. ``response``: a proxy's refusal to connect, which counts by its status. The cause is chained where it
    holds nothing that the server said.
    """

    def __init__(
        self, message: str, *, may_have_arrived: bool, is_retriable: bool = True, response: Optional[Response] = None
    ) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived
        self.is_retriable = is_retriable
        self.response = response


class Transport:
    """Posts bodies to one URL. Safe to use from many threads, and after a fork."""

    def __init__(self, url: str, *, ssl_context: Optional[SSLContext] = None, max_idle: int = 64) -> None:
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

    def post(self, body: bytes, headers: Dict[str, str], *, timeout: float, cancellation: Cancellation) -> Response:
        """Return the answer to ``body``, whatever its status. ``timeout``, in seconds, bounds it as a whole.

        Raises RequestFailed, also when it is cancelled.
        """
        request = _Post(self._url, body, headers, time.monotonic() + timeout, cancellation)
        cause: Optional[OSError] = None
        try:
            response: Response = self._opener.open(request)  # what the handler below returns
            response.resent = request.resent
            return response
        except TunnelRefused as err:
            failure = RequestFailed(
                "the proxy refused to connect", may_have_arrived=request.may_have_arrived, response=err.response
            )
        except Cancelled:
            failure = _cancelled(request)
        except http.client.HTTPException as err:
            # Not chained unless it is an OSError too: most of them hold what the server said.
            failure = RequestFailed(_http_problem(err), may_have_arrived=request.may_have_arrived)
            cause = err if isinstance(err, OSError) else None
        except OSError as err:
            verified = ssl is None or not isinstance(err, ssl.SSLCertVerificationError)
            message = _network_problem(err, timeout)
            if request.is_connecting:
                message = f"cannot connect to {self._peer}: {message}"
            failure = RequestFailed(message, may_have_arrived=request.may_have_arrived, is_retriable=verified)
            cause = err
        if cancellation.is_cancelled:
            failure = _cancelled(request)
        try:
            raise failure from cause
        finally:
            del failure, cause  # else this frame and their tracebacks would hold each other

    def close(self) -> None:
        """Close all idle connections, and those in use as they come back."""
        self._pool.close()


class _Post(urllib.request.Request):
    """A request with what its handler needs to know of the call, and tells of it."""

    def __init__(
        self, url: str, body: bytes, headers: Dict[str, str], deadline: float, cancellation: Cancellation
    ) -> None:
        super().__init__(url, body, method="POST")
        self.headers = headers  # not by add_header(), which would write X-inngest-sdk
        self.body = body
        self.deadline = deadline
        self.cancellation = cancellation
        self.is_connecting = False
        self.may_have_arrived = False
        self.resent = False


class _Handler(urllib.request.BaseHandler):
    """Opens http and https on pooled connections, and returns the answer as it is: redirects are not followed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def http_open(self, request: _Post) -> Response:
        """Send the request on an idle connection, or else on a new one. Raises what Connection raises."""
        connection = self._pool.acquire()
        if connection is not None:
            try:
                return self._exchange(connection, request)
            except _DIED:
                if connection.has_received:
                    raise
            request.resent = True
            # It died while it was idle. The same bytes go out again at once; their seed makes that safe.
        connection = Connection(self._pool.route)
        request.is_connecting = True
        try:
            connection.open(request.deadline, request.cancellation)
        except BaseException:
            connection.disconnect()
            raise
        request.is_connecting = False
        return self._exchange(connection, request)

    https_open = http_open

    def _exchange(self, connection: Connection, request: _Post) -> Response:
        request.may_have_arrived = True
        try:
            response = connection.exchange(self._written(request), request.deadline, request.cancellation)
        except BaseException:
            connection.disconnect()
            raise
        self._pool.release(connection)
        return response

    def _written(self, request: _Post) -> bytes:
        """Return the request in one piece, so that head and body leave in one write."""
        proxy = self._pool.route.proxy
        target, headers = request.selector, request.headers
        if proxy is not None and not proxy.is_tunnel:
            target, headers = request.full_url, {**headers, **proxy.headers}
        lines = request_lines(target, request.host, headers, len(request.body))
        return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body


def request_lines(target: str, host: str, headers: Mapping[str, str], size: int) -> List[str]:
    """Return the lines of the head of a POST request with a body of ``size`` bytes."""
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return [*lines, f"Content-Length: {size}"]


# What a connection that the server closed while it was idle raises; http.client's RemoteDisconnected is one of them.
# Under TLS the end of the stream has many names, and on Python 3.7 with OpenSSL 3 none of its own.
_DIED = (ConnectionError,) if ssl is None else (ConnectionError, ssl.SSLError)


def _verifying_context() -> SSLContext:
    if ssl is None:
        raise Error("https needs the ssl module, which this Python was built without")
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _cancelled(request: _Post) -> RequestFailed:
    return RequestFailed("cancelled", may_have_arrived=request.may_have_arrived, is_retriable=False)


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
