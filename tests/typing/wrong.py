# pyright: strict
"""Wrong uses. Type checkers report each line marked as wrong, and no other; ``.ci/typed.py`` sees to it. Never run."""

from __future__ import annotations

from typing import List

import inngest_send as inngest
from inngest_send.testing import EventServer

event = inngest.Event(name="event")
client = inngest.Inngest(app_id="my_app")

# Events
inngest.Event()  # wrong
inngest.Event(nme="event")  # wrong
inngest.Event(name=5)  # wrong
inngest.Event(name=None)  # wrong
inngest.Event(name="event", data=[1, 2])  # wrong
inngest.Event(name="event", data={1: "one"})  # wrong
inngest.Event(name="event", data="text")  # wrong
inngest.Event(name="event", id=7)  # wrong
inngest.Event(name="event", ts=1.5)  # wrong
inngest.Event(name="event", ts="2024-01-01")  # wrong
inngest.Event(name="event", user={})  # wrong
event.ts = "2024-01-01"  # wrong
event.name = 5  # wrong
print(event.payload)  # wrong

# The client
inngest.Inngest()  # wrong
inngest.Inngest("my_app")  # wrong
inngest.Inngest(app_id=5)  # wrong
inngest.Inngest(app_id="my_app", api_key="key")  # wrong
inngest.Inngest(app_id="my_app", event_key=b"key")  # wrong
inngest.Inngest(app_id="my_app", is_production="yes")  # wrong
inngest.Inngest(app_id="my_app", request_timeout="30")  # wrong
inngest.Inngest(app_id="my_app", request_timeout=0.5)  # wrong
inngest.Inngest(app_id="my_app", max_attempts=None)  # wrong
inngest.Inngest(app_id="my_app", ssl_context=False)  # wrong
inngest.Inngest(app_id="my_app", middleware=[5])  # wrong
client.app_id = "other"  # wrong

# Sending
client.send_sync()  # wrong
client.send_sync(5)  # wrong
client.send_sync("event")  # wrong
client.send_sync({"name": "event"})  # wrong
client.send_sync(["event"])  # wrong
client.send_sync(event, event)  # wrong
client.send_sync(event, timeout="5")  # wrong
client.send_sync(event, timeout=2.5)  # wrong
client.send_sync(event, env=5)  # wrong
client.send_sync(event, retries=5)  # wrong
client.emit(event)  # wrong
id: str = client.send_sync(event)  # wrong


async def send() -> List[str]:
    await client.send(5)  # wrong
    await client.send([event, None])  # wrong
    await client.send(event, timeout="5")  # wrong
    ids: List[str] = client.send(event)  # wrong
    async with EventServer():  # wrong
        return ids


# Middleware
class Hooks(inngest.MiddlewareSync):
    def before_send_events(self, events: List[str]) -> None: ...  # wrong

    async def after_send_events(self, result: inngest.SendEventsResult) -> None: ...  # wrong


# Errors
try:
    client.send_sync(event)
except inngest.SendEventsError as err:
    print(err.status + 1)  # wrong
    print(err.http_status)  # wrong
except inngest.SendError:  # wrong
    pass

# The stand-in server
EventServer(port="8288")  # wrong
EventServer().fail_next(times="2")  # wrong
EventServer().fail_next(headers=["Retry-After"])  # wrong
