"""What the error of a send says: it stands alone, in a log, for somebody who sees nothing else."""

import os
import unittest
from datetime import timedelta
from unittest import mock

from tests.helpers.library import inngest
from tests.helpers.servers import (
    KEY,
    ScriptedServer,
    accepted,
    client_for,
    events_of,
    failure_of,
    lost,
    once,
    silent,
    then,
    without_delays,
)
from tests.helpers.waiting import SkippedWaits


class MessageTest(unittest.TestCase):
    def message(self, script, events=1, timeout=None, **options):
        """Return what the error says, with ORIGIN in place of that of the server."""
        with without_delays(), ScriptedServer(then=script) as server, SkippedWaits(server):
            with client_for(server, **options) as client:
                return str(failure_of(client, events_of(events), timeout=timeout)).replace(server.url[:-1], "ORIGIN")

    def test_it_says_how_many_events_were_accepted_and_what_was_wrong_with_the_rest(self):
        answer = once(400, {"ids": ["A", "B", ""], "status": 400, "error": "event name is empty"})
        expected = "2 of 5,000 events accepted: HTTP 400: event name is empty (POST to ORIGIN)"
        self.assertEqual(self.message(answer, 5000), expected)

    def test_it_says_no_more_than_what_is_known(self):
        for events, script, known in (
            (1, once(500), "0 of 1 event known to be accepted (it may have arrived): "),
            (2, once(500), "0 of 2 events known to be accepted (some may have arrived): "),
            (2, once(500, {"ids": ["A", ""]}), "1 of 2 events known to be accepted (more may have arrived): "),
            (5001, then(accepted, once(500)), "5,000 of 5,001 events known to be accepted (more may have arrived): "),
            (5001, then(accepted, once(401)), "5,000 of 5,001 events accepted: "),
        ):
            message = self.message(script, events, max_attempts=1)
            self.assertEqual(message[: len(known)], known)

    def test_it_tells_each_failure_in_words_and_names_the_origin_and_no_more_of_the_url(self):
        redirect = once(302, headers={"Location": "https://host/path"})
        cases = [
            ("accepted: HTTP 403: no", once(403, {"status": 403, "error": "no"})),
            ("HTTP 204: not a response of the Event API", once(204)),
            ("HTTP 200: 0 ids for 1 event", once(200, {"ids": [], "status": 200})),
            ("HTTP 413; a gateway or a plan takes less than these 30 bytes", once(413)),
            ("accepted: HTTP 302: a redirect to https://host, which is not followed", redirect),
            ("(it may have arrived): the server closed the connection without a response", lost),
            ("(it may have arrived): timed out after 2.5 s", silent),
        ]
        for problem, script in cases:
            with self.subTest(problem):
                message = self.message(script, max_attempts=1, request_timeout=timedelta(seconds=2.5))
                self.assertTrue(message.endswith(problem + " (POST to ORIGIN)"), message)

    def test_it_says_how_often_it_was_tried(self):
        self.assertTrue(
            self.message(once(503), max_attempts=3).endswith(": HTTP 503 (POST to ORIGIN), after 3 attempts")
        )

    def test_where_the_time_of_the_call_was_over_it_says_how_long_that_was(self):
        for script in (silent, then(once(503), silent)):
            message = self.message(script, timeout=20000)
            self.assertIn(": timed out after 20 s, the timeout of the call (POST to ORIGIN)", message)

    def test_where_the_time_of_the_call_leaves_no_room_for_an_attempt_it_says_so(self):
        message = self.message(once(503, headers={"Retry-After": "9"}), timeout=timedelta(seconds=5))
        self.assertIn("HTTP 503 (POST to ORIGIN); the call's 5 s leave no time for another attempt", message)

    def test_an_int_so_small_that_it_may_be_meant_as_seconds_gets_a_hint(self):
        hint = "; timeouts are in milliseconds"
        self.assertIn("timed out after 999 ms" + hint, self.message(silent, request_timeout=999, max_attempts=1))
        self.assertIn("999 ms, the timeout of the call" + hint, self.message(silent, timeout=999))
        busy = once(503, headers={"Retry-After": "1"})
        self.assertIn("the call's 900 ms leave no time for another attempt" + hint, self.message(busy, timeout=900))
        self.assertNotIn(hint, self.message(busy, timeout=1000))
        self.assertNotIn(hint, self.message(silent, timeout=timedelta(milliseconds=999)))

    def test_a_wait_that_is_too_long_is_named(self):
        message = self.message(once(503, headers={"Retry-After": "86400"}))
        self.assertIn(
            "HTTP 503 (POST to ORIGIN); the server asks to wait 86,400 s, and a call waits 30 s at most", message
        )

    def test_a_401_says_where_the_key_came_from(self):
        unknown = once(401, {"status": 401, "error": "Event key not found"})
        expected = "HTTP 401: Event key not found; the event key came from {} (POST to ORIGIN)"
        self.assertIn(expected.format("the argument event_key"), self.message(unknown))
        with mock.patch.dict(os.environ, INNGEST_EVENT_KEY=KEY):
            self.assertIn(expected.format("INNGEST_EVENT_KEY"), self.message(unknown, event_key=None))
        message = self.message(unknown, event_key=None, is_production=False)
        self.assertIn("Event key not found; there is no event key (POST", message)

    def test_what_it_quotes_is_one_short_printable_line_without_the_key(self):
        text = f"no route\r\n\x1b[31m to /e/{KEY} \u202e" + "x" * 5000
        for body in (text.encode(), {"error": text}):
            message = self.message(once(404, body))
            prefix, suffix = "0 of 1 event accepted: HTTP 404: ", " (POST to ORIGIN)"
            self.assertTrue(message.startswith(prefix + "no route"), message)
            self.assertTrue(message.isprintable())
            self.assertLessEqual(len(message) - len(prefix + suffix), 200)
            self.assertNotIn(KEY, message)

    def test_a_call_without_time_says_so(self):
        with ScriptedServer() as server, client_for(server) as client:
            error = failure_of(client, inngest.Event("a"), timeout=0)
        self.assertEqual(str(error), "0 of 1 event accepted: no time: the timeout is zero or less")
