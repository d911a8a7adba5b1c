"""The proxy that urllib finds in the environment (or, on macOS and Windows, in the system's settings)."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import URLInvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional
    from urllib.parse import SplitResult


class Proxy:
    """Where a proxy listens, and how it is asked.

    ``is_tls``: the connection to the proxy itself is under TLS. ``is_tunnel``: it is asked to CONNECT, else it gets
    the request. ``headers`` hold the credentials.
    """

    __slots__ = ("headers", "host", "is_tls", "is_tunnel", "port")

    def __init__(self, host: str, port: int, headers: Dict[str, str], *, is_tls: bool, is_tunnel: bool) -> None:
        self.host = host
        self.port = port
        self.headers = headers
        self.is_tls = is_tls
        self.is_tunnel = is_tunnel


def find_proxy(scheme: str, authority: str) -> Optional[Proxy]:
    """Return the proxy for an origin, or None. Raises URLInvalidError for a proxy that cannot be used.

    As with urllib, the scheme of a proxy that is asked to CONNECT does not matter: it is spoken to without TLS.
    """
    url = getproxies().get(scheme, "").strip()
    if not url or proxy_bypass(authority):
        return None
    source = f"the {scheme} proxy of the environment"
    if "://" not in url:
        url = f"http://{url}"
    parts: Optional[SplitResult] = None
    host, port = None, None
    with suppress(ValueError):
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    if parts is None or not host or not host.isascii() or not host.isprintable():
        raise URLInvalidError(f"{source}: its host or its port is not valid")
    if parts.scheme not in ("http", "https"):
        raise URLInvalidError(f"{source}: only http proxies are supported")
    headers = {}
    if parts.username is not None:
        credentials = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
        headers["Proxy-Authorization"] = "Basic " + b64encode(credentials).decode("ascii")
    is_tunnel = scheme == "https"
    is_tls = parts.scheme == "https" and not is_tunnel
    return Proxy(host, port or (443 if is_tls else 80), headers, is_tls=is_tls, is_tunnel=is_tunnel)
