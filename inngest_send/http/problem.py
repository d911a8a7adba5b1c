"""What went wrong on the way to the server, in words that name the host and hold nothing that it said."""

from __future__ import annotations

import http.client
import socket

try:
    import ssl
except ImportError:  # a Python built without it does http
    ssl = None  # type: ignore[assignment]


# What OpenSSL says of a peer that answers a handshake in plain text; which of them depends on its version.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")


def http_problem(error: http.client.HTTPException) -> str:
    """Return what was wrong with a response."""
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection without a response"
    if isinstance(error, http.client.IncompleteRead):
        return "the response was cut short"
    return "the response is not HTTP"


def network_problem(error: OSError, bound: str) -> str:
    """Return what was wrong with a connection. ``bound``: the time that the attempt might take, in words."""
    if is_timeout(error):
        return f"timed out after {bound}"
    if ssl is not None and isinstance(error, ssl.SSLError):
        hint = "; it does not speak TLS there: is http:// meant?" if error.reason in _NO_TLS else ""
        return f"TLS failed: {error.reason or type(error).__name__}{hint}"
    return str(error.strerror or type(error).__name__)


def refusal_problem(authority: str, status: int) -> str:
    """Return what a proxy that refuses to connect said, and what can be done where it cannot know the host."""
    problem = f"HTTP {status} {http.client.responses.get(status, '')}".rstrip()
    if status == http.client.PROXY_AUTHENTICATION_REQUIRED:
        return f"{problem}; user and password go into the proxy's URL, as http://user:password@host:port"
    host = authority.rpartition(":")[0] or authority
    if "." in host or ":" in host:
        return problem
    return f"{problem}; where it is not for the proxy to reach {host}, add {host} to NO_PROXY"


def is_timeout(error: OSError) -> bool:
    """Return whether the time of the attempt was over; an error of the kernel's own time-out has an errno."""
    return isinstance(error, socket.timeout) and error.errno is None


def duration(seconds: float) -> str:
    """Return a time in seconds, or in milliseconds where it is short."""
    return f"{round(seconds, 2):,.10g} s" if seconds >= 1 else f"{max(1, round(seconds * 1000))} ms"
