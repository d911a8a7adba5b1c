"""Which names a browser may know this server by.

A web page elsewhere can have its own name resolve to this machine ("DNS rebinding"), and the browser then lets it read
what is answered here. The request still names that page's host. So events are shown only to hosts of which nobody
elsewhere can be the owner: IP addresses, localhost, names without a dot, and those that were allowed by name.
"""

from __future__ import annotations

import re
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

REFUSAL = """\
403: events are not shown under this host name, since a web page elsewhere could then read them.
Allowed are IP addresses, localhost, names without a dot, and what --allow-host (or allowed_hosts of EventServer) names.
"""

_NAME = "[a-z0-9_.-]+"
_HOST = re.compile(rf"(?:\[([0-9a-f:.]+)\]|({_NAME}))(?::[0-9]*)?")


def normalize_names(names: Iterable[str]) -> list[str]:
    """Return names as they are compared. Raises TypeError for one in place of many, ValueError for what is none."""
    if isinstance(names, str):
        raise TypeError("allowed_hosts: expected a list of names, got a str")
    normalized = [name.lower() for name in names]
    for name in normalized:
        if not re.fullmatch(_NAME, name):
            raise ValueError(f"allowed_hosts: expected names such as dev.example, without a port, got {name!r}")
    return normalized


def is_allowed(host: str, names: Container[str]) -> bool:
    """Tell whether a ``Host`` header is safe to show events to; ``names``, in lower case, are."""
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return False
    address, name = match.groups()
    if address is not None:
        return _is_address(socket.AF_INET6, address)
    return "." not in name or name in names or _is_address(socket.AF_INET, name)


def _is_address(family: int, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except OSError:
        return False
    return True
