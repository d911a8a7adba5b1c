"""typeguard: the hints of the public API are checked at run time, and hold."""

import unittest
from typing import Optional, get_type_hints

import typeguard

from cases import EVENT, ClientTest
from tests.helpers.library import inngest


@typeguard.typechecked
def newest(events: list[inngest.Event], client: Optional[inngest.Inngest] = None) -> inngest.Event:
    """Return the last event."""
    return events[-1]


class TypeguardTest(ClientTest):
    def test_events_and_clients_are_what_they_say(self):
        self.assertEqual(newest([EVENT], self.client("http://127.0.0.1:1/")), EVENT)
        with self.assertRaises(typeguard.TypeCheckError):
            newest([5])
        with self.assertRaises(typeguard.TypeCheckError):
            newest([EVENT], 5)

    def test_what_is_sent_and_returned_is_what_the_hints_say(self):
        server = self.server()
        hints = get_type_hints(inngest.Inngest.send_sync)
        for events in (EVENT, [EVENT, EVENT], (EVENT,)):
            typeguard.check_type(events, hints["events"])
            typeguard.check_type(self.client(server.url).send_sync(events), hints["return"])
        for value in (None, 5):
            typeguard.check_type(value, hints["timeout"])
        with self.assertRaises(typeguard.TypeCheckError):
            typeguard.check_type(5, hints["events"])

    def test_the_fields_of_an_event_are_what_the_hints_say(self):
        for name, hint in get_type_hints(inngest.Event).items():
            typeguard.check_type(getattr(EVENT, name), hint)


if __name__ == "__main__":
    unittest.main()
