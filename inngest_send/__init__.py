"""Send events to Inngest from any Python program, with nothing but the standard library.

>>> import inngest_send as inngest
>>> client = inngest.Inngest(app_id="my_app")
>>> ids = client.send_sync(inngest.Event(name="my_event", data={"msg": "Hello!"}))
"""

from ._version import __version__
from .client import Inngest, MiddlewareSync
from .errors import (
    AsyncUnsupportedError,
    Error,
    EventInvalidError,
    EventKeyUnspecifiedError,
    URLInvalidError,
)
from .event import Event
from .middleware import SendEventsResult
from .send_error import SendEventsError

__all__ = [
    "AsyncUnsupportedError",
    "Error",
    "Event",
    "EventInvalidError",
    "EventKeyUnspecifiedError",
    "Inngest",
    "MiddlewareSync",
    "SendEventsError",
    "SendEventsResult",
    "URLInvalidError",
    "__version__",
]
