"""One request to the server, and what came of it."""

from __future__ import annotations

import urllib.request

from ..runtime.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cancellation import Cancellation
    from .response import Response


class Exchange(urllib.request.Request):
    """A POST request, as urllib's opener takes it, which its handler fills in with what came of it.

    ``response``: that of the server, or of a proxy that refused to connect to it; None when there was none.
    ``problem``: why there is no response of the server, in words; "" when there is one.
    ``cause``: the exception behind the problem, or None where its text may quote what the server said.
    ``may_have_arrived``: the server may have got the request, or the beginning of it.
    ``resent``: the request had gone out before, on a connection that died without a response.
    ``is_retriable``: after a problem, another try may succeed.
    """

    data: bytes

    def __init__(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        cancellation: Cancellation,
        new_connection: bool,
    ) -> None:
        """``timeout``, in seconds, begins now. ``new_connection``: no idle one may be used."""
        super().__init__(url, method="POST")
        self.headers = dict(headers)  # not by add_header(), which would write X-inngest-sdk
        self.data = body
        self.deadline = monotonic() + timeout
        self.cancellation = cancellation
        self.new_connection = new_connection
        self.response: Response | None = None
        self.problem = ""
        self.cause: BaseException | None = None
        self.may_have_arrived = False
        self.resent = False
        self.is_retriable = False
        self.is_connecting = False

    def fail(self, problem: str, cause: BaseException | None = None, *, is_retriable: bool = True) -> None:
        """Say that no response of the server came."""
        self.problem = problem
        self.is_retriable = is_retriable
        if cause is not None:
            # Without the frames it passed through: error reporters show their variables, the body among them.
            cause.__cause__ = cause.__context__ = None
            self.cause = cause.with_traceback(None)


def request_lines(target: str, host: str, headers: Mapping[str, str], size: int) -> list[str]:
    """Return the lines of the head of a POST request with a body of ``size`` bytes."""
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return [*lines, f"Content-Length: {size}"]
