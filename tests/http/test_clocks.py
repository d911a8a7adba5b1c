"""Time limits hold in programs whose tests freeze their clocks."""

import time
import unittest
from unittest import mock

from tests.helpers.library import NAME, TIME_LIMIT, inngest
from tests.helpers.processes import run_program
from tests.helpers.servers import ScriptedServer, client_for, failure_of, silent
from tests.helpers.waiting import side_by_side

WITHOUT_CLOCK_GETTIME = """
import importlib, sys, time
if hasattr(time, "clock_gettime"):
    del time.clock_gettime  # as on Windows
now = time.monotonic()
time.monotonic = time.time = time.perf_counter = lambda: now
inngest = importlib.import_module(sys.argv[1])
client = inngest.Inngest(
    app_id="test", event_key="key", event_api_base_url=sys.argv[2], request_timeout=100, max_attempts=1
)
try:
    client.send_sync(inngest.Event(name="test/event"))
except inngest.SendEventsError as error:
    print("timed out after 100 ms" in str(error))
"""


def frozen():
    """Return a context manager in which the clocks of the program stand still, as freezegun has it."""
    stopped = {name: mock.Mock(return_value=getattr(time, name)()) for name in ("monotonic", "time", "perf_counter")}
    return mock.patch.multiple(time, **stopped)


def drip(peer):
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nX: ")
    while not peer.server.finished.wait(0.02):
        peer.send(b"x")


@unittest.skipUnless(hasattr(time, "clock_gettime"), "needs a clock that tests leave alone")
class FrozenTest(unittest.TestCase):
    def test_an_attempt_and_a_call_end_in_time(self):
        def check(script, options):
            with ScriptedServer(then=script) as server, client_for(server, **options) as client:
                begin = time.clock_gettime(time.CLOCK_MONOTONIC)
                error = failure_of(client, timeout=400)
                elapsed = time.clock_gettime(time.CLOCK_MONOTONIC) - begin
            self.assertTrue(error.is_retriable)
            self.assertTrue(0.15 < elapsed < TIME_LIMIT, elapsed)

        cases = {}
        for script in (silent, drip):
            cases[f"attempt, {script.__name__}"] = [script, {"request_timeout": 200, "max_attempts": 1}]
            cases[f"call, {script.__name__}"] = [script, {"request_timeout": 60000}]
        with frozen():
            side_by_side(self, check, cases)

    def test_connections_are_reused(self):
        with ScriptedServer() as server, frozen(), client_for(server) as client:
            for _ in range(3):
                client.send_sync(inngest.Event(name="test/event"))
        self.assertEqual(server.connections, 1)


class OnlyFrozenClocksTest(unittest.TestCase):
    def test_a_wait_that_ran_its_full_length_has_timed_out(self):
        with ScriptedServer(then=silent) as server:
            self.assertEqual(run_program(WITHOUT_CLOCK_GETTIME, NAME, server.url), (0, "True\n", ""))
