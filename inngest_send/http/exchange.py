"""One request to the server, and what came of it."""

from __future__ import annotations

import urllib.request

from ..runtime.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cancellation import Cancellation
    from .response import Response

# What belongs to the connection, or says where a body ends: not for others to set.
_RESERVED = {
    *("host", "content-length", "transfer-encoding", "te", "trailer", "content-encoding", "accept-encoding"),
    *("connection", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "expect"),
}


class Exchange(urllib.request.Request):
    """A POST request, as urllib's opener takes it, which its handler fills in with what came of it.

    ``response``: that of the server, or of a proxy that refused to connect to it; None when there was none.
    ``problem``: why there is no response of the server, in words; "" when there is one.
    ``cause``: the exception behind the problem, or None where its text may quote what the server said.
    ``may_have_arrived``: the server may have got the request, or the beginning of it.
    ``resent``: the request had gone out before, on a connection that died without a response.
    ``is_retriable``: after a problem, another try may succeed.
    """

    def __init__(
        self,
        target: urllib.request.Request,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        cancellation: Cancellation,
        new_connection: bool,
    ) -> None:
        """``target``: a POST request without a body to the same URL. ``timeout``, in seconds, begins now.

        ``new_connection``: no idle one may be used.
        """
        self.__dict__.update(target.__dict__)  # to take the URL apart anew would be a fifteenth of the time of a send
        self.headers = dict(headers)  # not by add_header(), which would write X-inngest-sdk
        self.unredirected_hdrs = {}
        self.data = self.body = body
        self.began_at = monotonic()
        self.deadline = self.began_at + timeout
        self.cancellation = cancellation
        self.new_connection = new_connection
        self.step = ""  # what is being done, in words
        self.response: Response | None = None
        self.problem = ""
        self.cause: BaseException | None = None
        self.may_have_arrived = False
        self.resent = False
        self.is_retriable = False
        self._own_headers = headers

    def __copy__(self) -> Exchange:
        return self  # else a wrapper that opens a copy would leave nobody to know what came of it

    def fail(self, problem: str, cause: BaseException | None = None, *, is_retriable: bool = True) -> None:
        """Say that no response of the server came."""
        self.problem = problem
        self.is_retriable = is_retriable
        if cause is not None:
            # Without the frames it passed through: error reporters show their variables, the body among them.
            cause.__cause__ = cause.__context__ = None
            self.cause = cause.with_traceback(None)

    def all_headers(self) -> Mapping[str, str]:
        """Return the request's own headers, and those that were added by whoever wraps the opener, as tracers do."""
        own = self._own_headers
        if not self.unredirected_hdrs and self.headers == own:
            return own
        added = {}
        for name, value in (*self.headers.items(), *self.unredirected_hdrs.items()):
            name = str(name).lower()
            text = f"{name}{value}"
            if name not in own and name not in _RESERVED and text.isascii() and text.isprintable():
                added[name] = str(value)
        return {**own, **added}


def request_lines(target: str, host: str, headers: Mapping[str, str], size: int) -> list[str]:
    """Return the lines of the head of a POST request with a body of ``size`` bytes."""
    lines = [f"POST {target} HTTP/1.1", f"host: {host}", "accept-encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return [*lines, f"content-length: {size}"]
