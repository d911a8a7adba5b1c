"""A failed send says truly what was accepted, what was not, and what is not known."""

import socket
import unittest
import urllib.request
from unittest import mock

from tests.helpers.library import inngest, module
from tests.helpers.servers import (
    Peer,
    ScriptedServer,
    accepted,
    client_for,
    events_of,
    failure_of,
    lost,
    once,
    reset,
    silent,
    then,
    without_delays,
)
from tests.helpers.waiting import SkippedWaits


class MaybeDeliveredTest(unittest.TestCase):
    def check(self, expected, *scripts, events=1, **options):
        with without_delays(), ScriptedServer(*scripts) as server, SkippedWaits(server):
            with client_for(server, **options) as client:
                error = failure_of(client, events_of(events))
        self.assertIs(error.maybe_delivered, expected, error)
        return error

    def test_it_is_true_when_a_connection_died_after_the_request_and_the_next_was_refused(self):
        # The first request warms the connection up; on it the second dies, and is sent again at once, and refused.
        with ScriptedServer(then(accepted, reset), once(401)) as server, client_for(server) as client:
            client.send_sync(inngest.Event(name="first"))
            error = failure_of(client)
        self.assertEqual((error.status, error.attempts), (401, 1))
        self.assertTrue(error.maybe_delivered)

    def test_it_is_true_when_the_server_may_have_accepted_the_events(self):
        cases = {
            "no answer in time": silent,
            "closed without an answer": lost,
            "reset after the request": reset,
            "cut short": lambda peer: (peer.read(), peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{")),
            "no HTTP": lambda peer: (peer.read(), peer.send(b"?\r\n")),
            "500": once(500),
            "503": once(503),
            "408": once(408),
            "200 without ids": once(200, {}),
            "200 with too many ids": once(200, {"ids": ["A", "B"]}),
        }
        for case, script in cases.items():
            with self.subTest(case):
                self.check(True, script, max_attempts=1)

    def test_it_is_false_when_the_server_accepted_none_of_them(self):
        error = {"error": "no"}
        cases = {
            "400": once(400, error),
            "401": once(401, error),
            "403": once(403),
            "413": once(413),
            "429": once(429),
            "a redirect": once(302, headers={"Location": "https://host/"}),
        }
        for case, script in cases.items():
            with self.subTest(case):
                self.check(False, script, max_attempts=1)

    def test_it_is_false_for_the_events_after_the_bad_one_of_a_400(self):
        error = self.check(False, once(400, {"ids": ["A", "B"], "status": 400, "error": "bad"}), events=4)
        self.assertEqual((error.ids, [event.name for event in error.unsent]), (["A", "B"], ["event 2", "event 3"]))

    def test_any_attempt_counts_not_the_last_alone(self):
        error = self.check(True, then(once(500), once(401, {"error": "Event key not found"})))
        self.assertEqual((error.status, error.attempts), (401, 2))

    def test_what_an_earlier_response_listed_counts(self):
        partly = once(429, {"ids": ["A"], "error": "slow down"}, {"Retry-After": "0"})
        error = self.check(True, then(partly, once(401, {"error": "Event key not found"})), events=2)
        self.assertEqual((error.ids, len(error.unsent), error.attempts), ([], 2, 2))

    def test_an_attempt_that_was_lost_counts_also_when_the_last_reached_nobody(self):
        with ScriptedServer(lost) as server:
            known = socket.getaddrinfo(server.host, server.port, 0, socket.SOCK_STREAM)
            with mock.patch("socket.getaddrinfo", side_effect=[known, socket.gaierror(socket.EAI_NONAME, "gone")]):
                with without_delays(), client_for(server, max_attempts=2) as client:
                    error = failure_of(client)
        self.assertIn("gone", str(error))
        self.assertTrue(error.maybe_delivered)

    def test_what_a_program_s_own_function_raises_is_told_with_the_events_once_an_attempt_was_made(self):
        def wrapper(opener, request, *args, **kwargs):
            calls.append(request)
            if len(calls) == attempt:
                raise RuntimeError("s3cr3t")
            return own(opener, request, *args, **kwargs)

        own = urllib.request.OpenerDirector.open
        for attempt, kind in ((1, RuntimeError), (2, inngest.SendEventsError), (3, inngest.SendEventsError)):
            calls = []
            with self.subTest(attempt), without_delays(), ScriptedServer(then=once(503)) as server:
                with mock.patch.object(urllib.request.OpenerDirector, "open", wrapper), client_for(server) as client:
                    with self.assertRaises(kind) as caught:
                        client.send_sync(inngest.Event(name="a"))
            if attempt > 1:
                error = caught.exception
                self.assertEqual((error.attempts, len(error.unsent), error.maybe_delivered), (attempt, 1, True))
                self.assertNotIn("s3cr3t", str(error))

    def test_a_part_that_was_not_begun_counts_where_the_whole_may_have_arrived(self):
        def make(batch):
            if [event.name for event in batch.events] == broken_off:
                raise MemoryError
            return outcome(batch)

        outcome = module("delivery").Outcome
        script = then(once(500), once(413), Peer.serve)
        for broken_off, unsent in ((["event 0"], 2), (["event 1"], 1)):
            with self.subTest(broken_off), mock.patch.object(module("delivery"), "Outcome", make):
                error = self.check(True, script, events=2)
            self.assertEqual((len(error.ids), len(error.unsent), error.attempts), (2 - unsent, unsent, 0))

    def test_a_call_whose_time_is_over_before_its_first_attempt_can_be_made_again(self):
        def source(waits):
            waits.put_forward(21)
            yield inngest.Event(name="late")

        with ScriptedServer() as server, SkippedWaits(server) as waits, client_for(server) as client:
            error = failure_of(client, source(waits), timeout=20000)
        self.assertIn("no time was left of the call's 20 s", str(error))
        self.assertEqual((error.attempts, error.maybe_delivered, error.is_retriable), (0, False, True))
        self.assertEqual(server.requests, [])

    def test_earlier_requests_that_were_accepted_do_not_count(self):
        self.check(False, then(accepted, once(401)), events=5001)
        error = self.check(False, lost, then(accepted, once(400)), events=5001)
        self.assertEqual((len(error.ids), len(error.unsent), error.attempts), (5000, 1, 1))


class InvariantTest(unittest.TestCase):
    def test_ids_and_unsent_together_are_the_events_whatever_the_server_answers(self):
        answers = [
            (status, {"ids": ids, "status": status, **extra})
            for status in (200, 400)
            for extra in ({}, {"error": "bad"})
            for ids in ([], [""], ["A"], ["A", "B"], ["", "B", ""], ["A", None, 5], ["A", {}], ["A"] * 4, None, "ABC")
        ]
        for status, body in answers:
            with self.subTest(status=status, body=body), ScriptedServer(once(status, body)) as server:
                with client_for(server) as client:
                    events = events_of(3)
                    error = failure_of(client, events)
                listed = body["ids"] if isinstance(body["ids"], list) and len(body["ids"]) <= 3 else []
                ids = [id if isinstance(id, str) else "" for id in (listed + [""] * 3)[:3]]
                self.assertEqual(error.ids, [id for id in ids if id])
                self.assertEqual(error.unsent, [event for event, id in zip(events, ids) if not id])

    def test_an_error_beside_all_ids_is_no_success(self):
        with ScriptedServer(once(200, {"ids": ["A"], "status": 200, "error": "bad"})) as server:
            with client_for(server) as client:
                error = failure_of(client)
        self.assertEqual((error.ids, error.unsent, error.status), (["A"], [], 200))
        self.assertFalse(error.maybe_delivered)

    def test_unsent_is_all_that_is_left_of_a_long_list(self):
        events = events_of(10002)
        with ScriptedServer(then(accepted, once(400, {"ids": ["A", "B"], "error": "bad"}))) as server:
            with client_for(server) as client:
                error = failure_of(client, events)
        self.assertEqual((len(error.ids), error.ids[5000:]), (5002, ["A", "B"]))
        self.assertEqual(error.unsent, events[5002:])
        self.assertEqual(len(server.requests), 2)

    def test_sending_what_is_unsent_completes_the_call(self):
        events = events_of(5)
        with ScriptedServer(then(once(400, {"ids": ["A", "B"], "error": "bad"}), accepted)) as server:
            with client_for(server) as client:
                error = failure_of(client, events)
                ids = error.ids + client.send_sync(error.unsent)
        self.assertEqual((len(ids), server.requests[1].events[0]["name"]), (5, "event 2"))
