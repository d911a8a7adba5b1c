"""A call of send_sync from the events to the ids: cut into requests, retried, and told truly when it fails."""

import base64
import contextlib
import logging
import re
import time
import unittest
from datetime import timedelta
from email.utils import formatdate
from unittest import mock

from tests.helpers.library import inngest, module
from tests.helpers.servers import ScriptedServer, answering, client_for, failure_of, silent, without_delays
from tests.helpers.waiting import SkippedWaits

clock = module("runtime.clock")

Event = inngest.Event
SEED = "x-inngest-event-id-seed"


def events_of(count, begin=0):
    return [Event(name=f"event {index}") for index in range(begin, begin + count)]


def names(events):
    return [event["name"] if isinstance(event, dict) else event.name for event in events]


@contextlib.contextmanager
def recorded_waits():
    """Yield a list of the seconds that calls wait between attempts, which they do not do."""
    waits = []
    cancellation = module("http.cancellation").Cancellation
    with mock.patch.object(cancellation, "wait", lambda self, seconds: waits.append(seconds)):
        yield waits


def accept_then(script, count=1):
    """Return a script that accepts so many requests, and goes on as another."""

    def accepting(peer):
        for _ in range(count):
            peer.accept(peer.read())
        script(peer)

    return accepting


class SplitTest(unittest.TestCase):
    def test_a_list_goes_out_in_as_few_requests_as_it_can_and_in_order(self):
        events = events_of(12001)
        with ScriptedServer() as server, client_for(server) as client:
            ids = client.send_sync(events)
        self.assertEqual([len(request.events) for request in server.requests], [5000, 5000, 2001])
        self.assertEqual([name for request in server.requests for name in names(request.events)], names(events))
        numbers = [int(id[2:]) for id in ids]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 12001)))
        self.assertEqual(len({request.headers[SEED] for request in server.requests}), 3)

    def test_5000_events_are_one_request(self):
        with ScriptedServer() as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(tuple(events_of(5000)))), 5000)
        self.assertEqual(len(server.requests), 1)

    def test_requests_are_filled_up_to_about_4_mib(self):
        size = 1000000
        events = [Event(name=f"event {index}", data={"x": "x" * size}) for index in range(10)]
        with ScriptedServer() as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(events)), 10)
        self.assertEqual([len(request.events) for request in server.requests], [4, 4, 2])
        self.assertEqual([name for request in server.requests for name in names(request.events)], names(events))
        for request in server.requests:
            self.assertLess(len(request.body), 4 * 1024 * 1024 + 1000)

    def test_one_event_goes_out_as_a_compact_array_without_what_is_unset(self):
        with ScriptedServer() as server, client_for(server) as client:
            client.send_sync(Event(name="a", data={"text": "\u00e9"}))
            client.send_sync([Event(name="a", id="b", ts=1700000000000)])
        self.assertEqual(server.requests[0].body, '[{"name":"a","data":{"text":"\u00e9"}}]'.encode())
        self.assertEqual(server.requests[1].body, b'[{"name":"a","data":{},"id":"b","ts":1700000000000}]')

    def test_nothing_to_send_is_no_request(self):
        with ScriptedServer() as server, client_for(server) as client:
            for nothing in ([], (), iter(()), (event for event in []), {}.values()):
                self.assertEqual(client.send_sync(nothing), [])
        self.assertEqual(server.connections, 0)

    def test_a_list_is_validated_whole_before_the_first_byte(self):
        for bad, error in ((Event(name="x"), inngest.EventInvalidError), ("x", TypeError)):
            with self.subTest(error), ScriptedServer() as server, client_for(server) as client:
                if isinstance(bad, Event):
                    bad.data = {"items": [1, b"secret"]}
                with self.assertRaises(error) as caught:
                    client.send_sync(events_of(9999) + [bad])
                self.assertIn("events[9999]", str(caught.exception))
                self.assertEqual(server.connections, 0)

    def test_what_is_no_event_is_a_type_error_that_says_what_to_pass(self):
        with ScriptedServer() as server, client_for(server) as client:
            for wrong in ("text", b"bytes", {"name": "a"}, {}, None, 5, Event, object()):
                with self.subTest(wrong), self.assertRaisesRegex(TypeError, "expected an Event.*list"):
                    client.send_sync(wrong)
            for wrong in ([1], ["text"], (None,), [Event(name="a"), {"name": "a"}], iter([5]), {"name"}):
                with self.subTest(wrong), self.assertRaisesRegex(TypeError, r"events\[[01]\]: expected an Event"):
                    client.send_sync(wrong)
            with self.assertRaisesRegex(TypeError, r"got dict; make one with Event\(\*\*it\)"):
                client.send_sync([{"name": "a"}])
        self.assertEqual(server.connections, 0)


class GeneratorTest(unittest.TestCase):
    def test_it_is_consumed_as_it_is_sent(self):
        taken = []
        taken_before_request = []

        def source():
            for event in events_of(15000):
                taken.append(event)
                yield event

        def script(peer):
            for _ in range(3):
                request = peer.read()
                taken_before_request.append(len(taken))
                peer.accept(request)

        with ScriptedServer(script) as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(source())), 15000)
        self.assertEqual([len(request.events) for request in server.requests], [5000, 5000, 5000])
        self.assertEqual(taken_before_request, [5001, 10001, 15000])

    def test_what_it_raises_before_a_request_comes_through(self):
        def source():
            yield from events_of(3)
            raise KeyError("secret")

        with ScriptedServer() as server, client_for(server) as client:
            with self.assertRaises(KeyError):
                client.send_sync(source())
        self.assertEqual(server.connections, 0)

    def test_what_it_raises_after_a_request_is_chained(self):
        broken = KeyError("secret")

        def source():
            yield from events_of(5003)
            raise broken

        with ScriptedServer() as server, client_for(server) as client:
            error = failure_of(client, source())
        self.assertIs(error.__cause__, broken)
        self.assertEqual((len(error.ids), len(server.requests)), (5000, 1))
        self.assertEqual(names(error.unsent), names(events_of(3, 5000)))
        self.assertFalse(error.maybe_delivered)
        self.assertIn("5,000 of 5,003 events accepted", str(error))
        self.assertNotIn("secret", str(error))

    def test_a_bad_event_in_it_comes_through_before_a_request_and_is_chained_after_one(self):
        def source(count, bad):
            yield from events_of(count)
            yield bad

        bad = Event(name="bad")
        bad.ts = "secret"
        for bad, kind, unsent in ((bad, inngest.EventInvalidError, [bad]), ("secret", TypeError, [])):
            with self.subTest(kind), ScriptedServer() as server, client_for(server) as client:
                with self.assertRaisesRegex(kind, r"^events\[7\]"):
                    client.send_sync(source(7, bad))
                self.assertEqual(server.connections, 0)
                error = failure_of(client, source(5001, bad))
                self.assertIsInstance(error.__cause__, kind)
                self.assertEqual(len(error.ids), 5000)
                self.assertEqual(names(error.unsent), ["event 5000"] + names(unsent))
                self.assertNotIn("secret", str(error))

    def test_after_a_failure_the_rest_is_still_in_it(self):
        source = iter(events_of(12000))
        with ScriptedServer(accept_then(answering(400, {"ids": ["A", "B"], "error": "bad"}))) as server:
            with client_for(server) as client:
                error = failure_of(client, source)
        self.assertEqual((len(error.ids), error.ids[-2:]), (5002, ["A", "B"]))
        self.assertEqual(names(error.unsent) + names(source), names(events_of(6998, 5002)))


class RetryTest(unittest.TestCase):
    def test_a_retry_resends_the_same_bytes_under_the_same_seed(self):
        before = int(time.time() * 1000)
        with without_delays(), ScriptedServer(*[lambda peer: peer.read()] * 4) as server, client_for(server) as client:
            client.send_sync(Event(name="a"))
            client.send_sync(Event(name="a"))
        seeds = [request.headers[SEED] for request in server.requests]
        self.assertEqual(len(seeds), 6)
        self.assertEqual(len(set(seeds[:5])), 1)
        self.assertNotEqual(seeds[4], seeds[5])
        self.assertEqual(len({request.body for request in server.requests}), 1)
        milliseconds, entropy = seeds[0].split(",")
        self.assertTrue(before <= int(milliseconds) <= time.time() * 1000)
        self.assertEqual(len(base64.b64decode(entropy, validate=True)), 10)

    def test_only_what_may_work_the_next_time_is_retried(self):
        for status in (408, 429, 500, 501, 502, 503, 504, 599):
            self.check_attempts(answering(status), status, 5)
        for status in (200, 201, 204, 303, 400, 401, 403, 404, 405, 409, 410, 413, 422):
            self.check_attempts(answering(status), status, 1)

    def check_attempts(self, script, status, attempts):
        with self.subTest(status=status), recorded_waits() as waits:
            with ScriptedServer(script) as server, client_for(server) as client:
                error = failure_of(client)
            self.assertEqual((error.status, error.attempts), (status, attempts))
            self.assertEqual(error.is_retriable, attempts > 1)
            self.assertEqual((len(server.requests), len(waits)), (attempts, attempts - 1))

    def test_the_delays_double_and_there_is_none_after_the_last_attempt(self):
        with recorded_waits() as waits, ScriptedServer(answering(500)) as server, client_for(server) as client:
            failure_of(client)
        self.assertEqual(len(waits), 4)
        for wait, least in zip(waits, (0.1, 0.2, 0.4, 0.8)):
            self.assertTrue(least <= wait <= least + 0.1, waits)

    def test_max_attempts_counts_the_first(self):
        for count in (1, 2, 7):
            with self.subTest(count), recorded_waits() as waits, ScriptedServer(answering(500)) as server:
                with client_for(server, max_attempts=count) as client:
                    self.assertEqual(failure_of(client).attempts, count)
                self.assertEqual((len(server.requests), len(waits)), (count, count - 1))

    def test_retry_after_is_obeyed_up_to_30_seconds(self):
        soon, late = formatdate(time.time() + 20, usegmt=True), formatdate(time.time() + 3600, usegmt=True)
        for value, least, most in (("7", 7, 7), ("30", 30, 30), (soon, 1, 20), ("0", 0.1, 0.2), ("soon", 0.1, 0.2)):
            for status in (429, 503):
                script = answering(status, headers={"Retry-After": value})
                with self.subTest(value, status=status), recorded_waits() as waits, ScriptedServer(script) as server:
                    with client_for(server, max_attempts=2) as client:
                        failure_of(client)
                    self.assertEqual(len(waits), 1)
                    self.assertTrue(least <= waits[0] <= most, waits)
        for value, least, most in (("31", 31, 31), ("86400", 86400, 86400), (late, 3000, 3600)):
            script = answering(429, headers={"Retry-After": value})
            with self.subTest(value), recorded_waits() as waits, ScriptedServer(script) as server:
                with client_for(server) as client:
                    error = failure_of(client)
                self.assertEqual((waits, error.attempts, error.is_retriable), ([], 1, True))
                self.assertTrue(least <= error.retry_after <= most, error.retry_after)

    def test_a_point_in_time_counts_by_the_clock_of_the_server(self):
        for ahead in (-86400, 86400):
            now = time.time() + ahead
            headers = {"Retry-After": formatdate(now + 7, usegmt=True), "Date": formatdate(now, usegmt=True)}
            script = answering(503, headers=headers)
            with self.subTest(ahead), recorded_waits() as waits, ScriptedServer(script) as server:
                with client_for(server, max_attempts=2) as client:
                    failure_of(client)
            self.assertEqual(waits, [7.0])

    def test_each_request_of_a_long_list_has_its_own_attempts(self):
        def lose(peer):
            peer.read()

        with without_delays(), ScriptedServer(lose, accept_then(lose)) as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(events_of(5001))), 5001)
        self.assertEqual([len(request.events) for request in server.requests], [5000, 5000, 1, 1])


class TimeoutTest(unittest.TestCase):
    def failure_after(self, seconds, client, *events, **options):
        """Return the error of a send, after a look that it came when so much time was over, and no more."""
        begin = clock.monotonic()
        error = failure_of(client, *events, **options)
        self.assertAlmostEqual(clock.monotonic() - begin, seconds)
        return error

    def test_no_time_is_an_error_before_any_io(self):
        for timeout in (0, -1, -5000, timedelta(0), timedelta(seconds=-3)):
            with self.subTest(timeout), ScriptedServer() as server, client_for(server) as client:
                error = failure_of(client, events_of(3), timeout=timeout)
                self.assertEqual((names(error.unsent), error.ids), (names(events_of(3)), []))
                self.assertEqual((error.attempts, error.maybe_delivered), (0, False))
                self.assertEqual(server.connections, 0)

    def test_no_time_takes_nothing_from_a_generator(self):
        source = iter(events_of(3))
        with ScriptedServer() as server, client_for(server) as client:
            self.assertEqual(failure_of(client, source, timeout=0).unsent, [])
        self.assertEqual(len(list(source)), 3)

    def test_it_bounds_attempts_that_get_no_answer(self):
        for timeout in (20000, timedelta(seconds=20)):
            with self.subTest(timeout), ScriptedServer(then=silent) as server, SkippedWaits(server):
                with client_for(server) as client:
                    error = self.failure_after(20, client, timeout=timeout)
                self.assertEqual((error.attempts, error.maybe_delivered, server.connections), (1, True, 1))

    def test_it_bounds_all_attempts_together(self):
        with without_delays(), ScriptedServer(then=silent) as server, SkippedWaits(server):
            with client_for(server, request_timeout=40000) as client:
                error = self.failure_after(100, client, timeout=100000)
        self.assertEqual((error.attempts, server.connections), (3, 3))

    def test_a_wait_that_would_cross_it_is_not_begun(self):
        script = answering(503, headers={"Retry-After": "5"})
        with recorded_waits() as waits, ScriptedServer(script) as server, client_for(server) as client:
            error = failure_of(client, timeout=4000)
        self.assertEqual((waits, error.attempts, error.retry_after, error.status), ([], 1, 5, 503))

    def test_it_bounds_all_requests_of_a_long_list_together(self):
        events = [Event(name=f"event {index}", data={"x": "x" * 2500000}) for index in range(3)]
        with ScriptedServer(accept_then(silent)) as server, SkippedWaits(server):
            with client_for(server) as client:
                error = self.failure_after(20, client, events, timeout=20000)
        self.assertEqual((len(error.ids), error.maybe_delivered), (1, True))
        self.assertEqual(names(error.unsent), ["event 1", "event 2"])

    def test_anything_but_an_int_or_a_timedelta_is_a_type_error(self):
        with ScriptedServer() as server, client_for(server) as client:
            for wrong in (1.5, "1000", True, [], float("inf")):
                with self.subTest(wrong), self.assertRaisesRegex(TypeError, "^timeout: expected milliseconds"):
                    client.send_sync(Event(name="a"), timeout=wrong)
        self.assertEqual(server.connections, 0)

    def test_the_environment_of_a_call_is_a_str_that_a_header_can_hold(self):
        with ScriptedServer() as server, client_for(server) as client:
            with self.assertRaisesRegex(TypeError, "^env: expected a str"):
                client.send_sync(Event(name="a"), env=5)
            with self.assertRaisesRegex(ValueError, "^env: expected printable ASCII characters only$"):
                client.send_sync(Event(name="a"), env="\u00e9")
            client.send_sync(Event(name="a"), env=" branch ")
            client.send_sync(Event(name="a"))
        self.assertEqual([request.headers.get("x-inngest-env") for request in server.requests], ["branch", None])


class LogTest(unittest.TestCase):
    LOGGER = module("client").__name__

    def test_a_logger_that_raises_costs_no_id_and_no_attempt(self):
        logger = mock.Mock()
        logger.debug.side_effect = logger.warning.side_effect = ValueError("s3cr3t")
        with recorded_waits(), ScriptedServer(answering(503), then=accept_then(silent, 1)) as server:
            with client_for(server, logger=logger, max_attempts=2) as client:
                with self.assertRaises(inngest.SendEventsError):
                    client.send_sync(Event(name="refused"))
        with ScriptedServer() as server, client_for(server, logger=logger) as client:
            self.assertEqual(len(client.send_sync(Event(name="accepted"))), 1)
        self.assertEqual((logger.warning.call_count, logger.debug.call_count), (1, 1))

    def test_each_retry_is_a_warning_with_attempt_reason_and_delay(self):
        scripts = [lambda peer: peer.read(), answering(503), answering(503)]
        with recorded_waits() as waits, self.assertLogs(self.LOGGER, logging.WARNING) as logs:
            with ScriptedServer(*scripts) as server, client_for(server, max_attempts=3) as client:
                failure_of(client)
        self.assertEqual((len(waits), len(logs.records)), (2, 2))
        reasons = ("closed the connection without a response", "HTTP 503")
        for number, (record, reason, wait) in enumerate(zip(logs.records, reasons, waits), 1):
            self.assertEqual(record.levelno, logging.WARNING)
            for part in (f"attempt {number} of 3", reason, f"{wait:.2f} s"):
                self.assertIn(part, record.getMessage())

    def test_a_success_is_logged_at_debug_and_nothing_above(self):
        with self.assertLogs(self.LOGGER, logging.DEBUG) as logs, ScriptedServer() as server:
            with client_for(server) as client:
                client.send_sync(events_of(3))
        self.assertEqual({record.levelno for record in logs.records}, {logging.DEBUG})
        self.assertTrue(any(re.search(r"\b3 events", record.getMessage()) for record in logs.records), logs.output)

    def test_it_goes_to_the_client_s_own_logger(self):
        logger = logging.getLogger("tests.own")
        with recorded_waits(), self.assertLogs(logger) as logs, ScriptedServer(answering(500)) as server:
            with client_for(server, logger=logger, max_attempts=2) as client:
                failure_of(client)
        self.assertEqual(len(logs.records), 1)
