"""A stand-in for the Inngest Event API, for the tests of programs that send events.

>>> from inngest_send.testing import EventServer
>>> with EventServer() as server:
...     client = inngest.Inngest(app_id="t", is_production=False, event_api_base_url=server.url)
...     ids = client.send_sync(inngest.Event("app/user.created"))
...     assert [event.name for event in server.events] == ["app/user.created"]
"""

from .faults import FAULTS
from .http import ReceivedRequest
from .server import EventServer
from .store import Refusal, StoredEvent

__all__ = ["FAULTS", "EventServer", "ReceivedRequest", "Refusal", "StoredEvent"]
