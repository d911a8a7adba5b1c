"""beartype: the hints of the public API are checked at run time, and hold."""

import asyncio
import unittest

from beartype import beartype
from beartype.roar import BeartypeCallHintViolation

from cases import EVENT, ClientTest
from tests.helpers.library import inngest


@beartype
def newest(events: list[inngest.Event], client: inngest.Inngest) -> inngest.Event:
    """Return the last event."""
    return events[-1]


class BeartypeTest(ClientTest):
    def test_events_and_clients_are_what_they_say(self):
        client = self.client("http://127.0.0.1:1/")
        self.assertEqual(newest([EVENT], client), EVENT)
        with self.assertRaises(BeartypeCallHintViolation):
            newest([5], client)

    def test_the_methods_of_a_client_take_and_return_what_their_hints_say(self):
        class Checked(inngest.Inngest):
            __init__ = beartype(inngest.Inngest.__init__)
            send = beartype(inngest.Inngest.send)
            send_sync = beartype(inngest.Inngest.send_sync)
            add_middleware = beartype(inngest.Inngest.add_middleware)

        server = self.server()
        with Checked(app_id="test", event_key="the-s3cr3t:key", event_api_base_url=server.url) as client:
            ids = client.send_sync(EVENT) + client.send_sync([EVENT, EVENT], timeout=5000)
            ids += asyncio.run(client.send(iter([EVENT])))
            with self.assertRaises(BeartypeCallHintViolation):
                client.send_sync(5)
        self.check_accepted(server, ids)

    def test_events_and_errors_are_made_of_what_their_hints_say(self):
        make = beartype(inngest.Event.__init__)
        make(object.__new__(inngest.Event), "a", {"n": 1}, "1", 1767225600000)
        with self.assertRaises(BeartypeCallHintViolation):
            make(object.__new__(inngest.Event), 5)
        beartype(inngest.SendEventsError.__init__)(inngest.SendEventsError("a"), "a", ["1"], unsent=[EVENT])


if __name__ == "__main__":
    unittest.main()
