"""What goes back to a client."""

from __future__ import annotations

from .gojson import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


class Response:
    """A status, headers and a body; Content-Length is added when it is written."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body


def json_response(status: int, headers: Mapping[str, str], content: Any) -> Response:
    """Return a response whose body is ``content`` as JSON."""
    return Response(status, headers, to_json(content).encode())
