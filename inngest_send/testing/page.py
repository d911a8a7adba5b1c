"""The page that shows people what came."""

from __future__ import annotations

from .response import HTML, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Store


def respond(store: Store, host: str | None) -> Response:
    """Return the page."""
    return Response(200, HTML, f"<p>{store.count} events</p>\n".encode())
