"""Shows the requests that would be sent."""

from __future__ import annotations

from ..wire import SEED_HEADER, Batcher, event_headers, event_url, new_seed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..client import Inngest
    from ..event import Event
    from .output import Output


def show_requests(client: Inngest, events: Iterable[Event], output: Output) -> None:
    """Print each request as it would go out, the event key redacted. Raises EventInvalidError."""
    url = event_url(client.event_api_origin, None) if client.event_key is None else f"{client.event_api_origin}e/***"
    for batch in Batcher(events).batches():
        output.write(f"POST {url}")
        headers = {**event_headers(client.env), SEED_HEADER: new_seed(), "Content-Length": str(len(batch.body))}
        for name, value in headers.items():
            output.write(f"{name}: {value}")
        output.write("")
        output.write(batch.body.decode())
