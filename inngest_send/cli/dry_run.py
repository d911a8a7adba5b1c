"""Shows the requests that would be sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..batching import Batcher
from ..http.exchange import request_lines
from ..protocol import SEED_HEADER, event_headers, event_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..client import Inngest
    from ..event import Event
    from .output import Output


def show_requests(client: Inngest, events: Iterable[Event], output: Output) -> None:
    """Print each request as it would go out, the event key redacted. Raises EventInvalidError."""
    url = f"{client.event_api_origin}e/***"  # also where there is no key yet
    if client.event_key is None and not client.is_production:
        url = event_url(client.event_api_origin, None)
    parts = urlsplit(url)
    for batch in Batcher(events).batches():
        headers = {**event_headers(client.env), SEED_HEADER: batch.seed}
        for line in request_lines(parts.path, parts.netloc, headers, len(batch.body)):
            output.write(line)
        output.write("")
        output.write(batch.body.decode())
