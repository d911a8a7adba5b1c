"""time-machine, which moves the clocks in C: limits hold, and seeds are valid."""

import datetime
import time
import unittest

import time_machine

from cases import EVENT, TIME_LIMIT, ClientTest
from tests.helpers.library import inngest
from tests.helpers.servers import failure_of


class TimeMachineTest(ClientTest):
    def test_a_silent_server_is_waited_for_as_long_as_was_said(self):
        for tick in (False, True):
            with self.subTest(tick=tick):
                started = time.monotonic()
                with time_machine.travel("2026-01-01", tick=tick):
                    error = failure_of(self.client(self.silent_url()), EVENT, timeout=1000)
                self.assertIn("timed out", str(error))
                self.assertTrue(0.9 < time.monotonic() - started < TIME_LIMIT)

    def test_at_any_time_a_retry_starts_no_second_run(self):
        for date in ("1969-12-31", "1970-01-01", "2026-01-01", "9999-01-01"):
            with self.subTest(date=date), time_machine.travel(date, tick=False):
                server = self.server()
                server.fail_next("stored_reset")
                self.client(server.url).send_sync(EVENT)
                self.assertEqual((len(server.events), len(server.runs)), (2, 1))
                millis = int(server.requests[0].headers["x-inngest-event-id-seed"].split(",")[0])
                self.assertTrue(1 <= millis < 2**48, millis)

    def test_connections_outlast_a_journey(self):
        server = self.server()
        client = self.client(server.url)
        for date in ("2026-01-01", "2030-01-01", "2000-01-01"):
            with time_machine.travel(date):
                client.send_sync(EVENT)
        self.assertEqual(len(server.runs), 3)

    def test_an_event_may_carry_a_time(self):
        with time_machine.travel("2026-01-01", tick=False):
            event = inngest.Event("a", ts=datetime.datetime.now(datetime.timezone.utc))
        self.assertEqual(event.ts, 1767225600000)


if __name__ == "__main__":
    unittest.main()
