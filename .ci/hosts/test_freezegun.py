"""freezegun, which freezes the monotonic clock too: limits hold, and seeds are valid."""

import socket
import threading
import time
import unittest

from freezegun import freeze_time

from cases import EVENT, TIME_LIMIT, ClientTest
from tests.helpers.library import inngest
from tests.helpers.servers import failure_of

real_monotonic = time.monotonic


class FreezegunTest(ClientTest):
    def check_ends(self, url, **options):
        """Send with a limit of a second; it must not end before, nor long after."""
        started = real_monotonic()
        with freeze_time("2026-01-01"):
            error = failure_of(self.client(url), EVENT, timeout=1000, **options)
        self.assertIn("timed out", str(error))
        self.assertTrue(0.9 < real_monotonic() - started < TIME_LIMIT, real_monotonic() - started)

    def test_a_silent_server_is_waited_for_as_long_as_was_said(self):
        self.check_ends(self.silent_url())

    def test_a_server_that_drips_is_waited_for_as_long_as_was_said(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def drip():
            peer, _ = listener.accept()
            with peer:
                try:
                    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while True:
                        peer.sendall(b"x")
                        time.sleep(0.05)
                except OSError:
                    pass  # the client has gone

        threading.Thread(target=drip, daemon=True).start()
        self.check_ends(f"http://127.0.0.1:{listener.getsockname()[1]}/")

    def test_a_retry_follows_under_the_same_seed(self):
        server = self.server()
        server.fail_next("stored_status", status=503, times=2)
        with freeze_time("2026-01-01"):
            self.client(server.url).send_sync(EVENT)
        self.assertEqual(len(server.requests), 3)
        self.assertEqual(len(server.runs), 1)

    def test_before_1970_and_far_ahead_a_retry_starts_no_second_run(self):
        for date in ("1970-01-01", "1969-12-31", "9999-01-01"):
            with self.subTest(date=date), freeze_time(date):
                server = self.server()
                server.fail_next("stored_reset")
                self.client(server.url).send_sync(EVENT)
                self.assertEqual((len(server.events), len(server.runs)), (2, 1))
                millis = int(server.requests[0].headers["x-inngest-event-id-seed"].split(",")[0])
                self.assertTrue(1 <= millis < 2**48, millis)

    def test_an_event_may_carry_a_frozen_time(self):
        with freeze_time("2026-01-01"):
            import datetime

            event = inngest.Event("a", ts=datetime.datetime.now(datetime.timezone.utc))
        self.assertEqual(event.ts, 1767225600000)


if __name__ == "__main__":
    unittest.main()
