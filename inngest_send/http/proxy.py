"""The proxy that urllib finds in the environment (or, on macOS and Windows, in the system's settings)."""

from __future__ import annotations

import os
import socket
from base64 import b64encode
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import URLInvalidError


class Proxy:
    """Where a proxy listens, and how it is asked.

    ``is_tls``: the connection to the proxy itself is under TLS. ``is_tunnel``: it is asked to CONNECT, else it gets
    the request. ``headers`` hold the credentials.
    """

    __slots__ = ("headers", "host", "is_tls", "is_tunnel", "port")

    def __init__(self, host: str, port: int, headers: dict[str, str], *, is_tls: bool, is_tunnel: bool) -> None:
        self.host = host
        self.port = port
        self.headers = headers
        self.is_tls = is_tls
        self.is_tunnel = is_tunnel

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port}"


def find_proxy(scheme: str, host: str, authority: str) -> Proxy | None:
    """Return the proxy for an origin, or None. Raises URLInvalidError for a proxy that cannot be used.

    This machine itself is never reached through a proxy, which would look for it on its own machine.
    """
    if _is_loopback(host):
        return None
    url = getproxies().get(scheme, "").strip()
    if not url or proxy_bypass(authority):
        return None
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _unusable(scheme, authority, "its host or its port is not valid") from None  # its text may quote the URL
    is_tls = parts.scheme == "https"
    if not is_tls and parts.scheme != "http":
        raise _unusable(scheme, authority, "only http:// proxies are supported")
    if not host or not host.isascii() or not host.isprintable():
        raise _unusable(scheme, authority, "its host or its port is not valid")
    is_tunnel = scheme == "https"
    if is_tls and is_tunnel:
        raise _unusable(
            scheme,
            authority,
            "https:// asks for a proxy that is itself spoken to over TLS, which is not supported; "
            "write http:// if that proxy speaks plain HTTP, as most do",
        )
    headers = {}
    if parts.username is not None:
        credentials = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
        headers["proxy-authorization"] = "Basic " + b64encode(credentials).decode()
    return Proxy(host, port or (443 if is_tls else 80), headers, is_tls=is_tls, is_tunnel=is_tunnel)


def _unusable(scheme: str, authority: str, problem: str) -> URLInvalidError:
    """Return the error for a proxy. It does not quote the proxy's URL, which may hold a password."""
    name = f"{scheme}_proxy"
    variables = [variable for variable in (name, name.upper(), *os.environ) if variable.lower() == name]
    source = next(filter(os.environ.get, variables), "the proxy in the system's settings")
    return URLInvalidError(f"{source}: {problem}; to use none for this host, add {authority} to NO_PROXY")


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself, as Go's net/http tells."""
    if host.lower() == "localhost":
        return True
    try:
        return socket.inet_aton(host)[0] == 127  # short forms included: 127.1
    except OSError:
        pass
    try:
        address = socket.inet_pton(socket.AF_INET6, host)
    except (OSError, AttributeError):  # a name, or no IPv6 on this machine
        return False
    return address == bytes(15) + b"\1" or address[:13] == bytes(10) + b"\xff\xff\x7f"
