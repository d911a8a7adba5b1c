"""gevent, with everything patched: sends run side by side, limits hold, and a signal's exception comes through."""

from gevent import monkey

monkey.patch_all()

import signal
import time
import unittest

import gevent

from cases import EVENT, TIME_LIMIT, ClientTest
from tests.helpers.library import inngest
from tests.helpers.servers import failure_of


class GeventTest(ClientTest):
    def test_greenlets_send_side_by_side(self):
        server = self.server()  # in this process: were a send to block, the server could not answer
        client = self.client(server.url)
        greenlets = [gevent.spawn(client.send_sync, [EVENT, EVENT]) for _ in range(50)]
        gevent.joinall(greenlets, timeout=TIME_LIMIT, raise_error=True)
        ids = [id for greenlet in greenlets for id in greenlet.value]
        self.assertEqual(sorted(ids), sorted(event.internal_id for event in server.events))
        self.assertEqual(len(ids), 100)

    def test_a_retry_waits_without_holding_up_others(self):
        server = self.server()
        server.fail_next("status", status=503)
        client = self.client(server.url)
        greenlets = [gevent.spawn(client.send_sync, EVENT) for _ in range(10)]
        gevent.joinall(greenlets, timeout=TIME_LIMIT, raise_error=True)
        self.assertEqual(len(server.events), 10)

    def test_limits_hold(self):
        client = self.client(self.silent_url())
        started = time.monotonic()
        greenlets = [gevent.spawn(failure_of, client, EVENT, timeout=500) for _ in range(10)]
        gevent.joinall(greenlets, timeout=TIME_LIMIT, raise_error=True)
        self.assertTrue(0.45 < time.monotonic() - started < TIME_LIMIT / 2)
        for greenlet in greenlets:
            self.assertIn("timed out", str(greenlet.value))

    def test_a_limit_of_gevent_comes_through(self):
        client = self.client(self.silent_url())
        with self.assertRaises(gevent.Timeout), gevent.Timeout(0.3):
            client.send_sync(EVENT)
        self.assertIsInstance(failure_of(client, EVENT, timeout=200), inngest.SendEventsError)  # it is usable still

    def check_signal(self, error, events, send_signal):
        """Send while a signal's handler raises ``error``, which comes through at once; the client is usable still."""

        def handler(number, frame):
            raise error

        server = self.server()
        client = self.client(server.url)
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, handler))
        started = time.monotonic()
        server.fail_next("delay", seconds=TIME_LIMIT)
        send_signal()
        with self.assertRaises(type(error)) as caught:
            client.send_sync(events)
        self.assertIs(caught.exception, error)
        self.assertLess(time.monotonic() - started, TIME_LIMIT / 2)
        server.clear()
        self.check_accepted(server, client.send_sync(EVENT))

    def test_an_exit_while_it_waits_comes_through(self):  # what is no exit, gevent's hub prints and forgets
        self.check_signal(SystemExit(3), EVENT, lambda: signal.setitimer(signal.ITIMER_REAL, 0.3))

    def test_what_a_signal_handler_raises_while_it_works_comes_through(self):
        def events():
            yield EVENT
            signal.raise_signal(signal.SIGALRM)
            yield EVENT

        self.check_signal(TimeoutError("the program's own"), events(), lambda: None)


if __name__ == "__main__":
    unittest.main()
