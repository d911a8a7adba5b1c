"""A request that is too large for a gateway (413) goes out in parts, and no event runs twice."""

import logging
import unittest

from tests.helpers.library import NAME, inngest, module
from tests.helpers.servers import ScriptedServer, client_for, failure_of, without_delays

EventServer = module("testing").EventServer
delivery = module("delivery")

KIB = 1024


def events_of(count, size=10):
    return [inngest.Event(name=f"event {index}", data={"text": "x" * size}) for index in range(count)]


def names(events):
    return [event["name"] if isinstance(event, dict) else event.name for event in events]


def limited(limit, refused=None):
    """Return a script that refuses larger bodies, as a gateway does, and else answers with ids that are names."""

    def script(peer):
        for request in iter(peer.read, None):
            if len(request.body) > limit:
                if refused is not None:
                    refused.append(request)
                peer.answer(413, b"<h1>413 Request Entity Too Large</h1>")
            else:
                peer.answer(200, {"ids": names(request.events), "status": 200})

    return script


def refusing_early(limit):
    """Return a script that answers while the body is being written, and closes."""

    def script(peer):
        while True:
            request = peer.read_head()
            if request is None:
                return
            if int(request.headers["content-length"]) > limit:
                peer.answer(413, b"", {"Connection": "close"})
                return
            request.body = peer.reader.read(int(request.headers["content-length"]))
            peer.answer(200, {"ids": names(request.events), "status": 200})

    return script


class CutTest(unittest.TestCase):
    def test_it_is_cut_until_it_fits_and_the_ids_come_in_order(self):
        events = events_of(37, 10 * KIB)
        for source in (events, tuple(events), iter(events)):
            with ScriptedServer(then=limited(100 * KIB)) as server, client_for(server) as client:
                self.assertEqual(client.send_sync(source), names(events))

    def test_it_is_cut_too_where_the_gateway_answers_early_and_closes(self):
        events = events_of(9, 300 * KIB)
        with ScriptedServer(then=refusing_early(1024 * KIB), receive_buffer=65536) as server:
            with client_for(server) as client:
                self.assertEqual(client.send_sync(events), names(events))

    def test_that_it_is_cut_is_logged(self):
        with ScriptedServer(then=limited(100)) as server, client_for(server) as client:
            with self.assertLogs(NAME, logging.DEBUG) as logs:
                client.send_sync(events_of(2, 40))
        size = len(server.requests[0].body)
        self.assertEqual(logs.records[0].getMessage(), f"a request of {size} bytes is too large, and is cut in two")
        self.assertEqual({record.levelno for record in logs.records}, {logging.DEBUG})

    def test_each_event_keeps_its_id_and_starts_one_run_though_the_whole_had_arrived_before(self):
        for count in (4, 7, 64):
            with EventServer() as server, without_delays(), client_for(server) as client:
                server.fail_next("stored_reset")
                server.fail_next(status=413, times=2)  # of the whole, and of its first half
                ids = client.send_sync(events_of(count))
                self.assertEqual(ids, [event.internal_id for event in server.events[:count]])
                self.assertEqual(len(server.runs), count)
                self.assertEqual(len(server.events), 2 * count)

    def test_each_part_has_its_own_attempts(self):
        def script(peer):
            peer.read()
            peer.answer(413)
            for _ in range(2):
                peer.read()
                peer.answer(503)
                peer.answer(200, {"ids": names(peer.read().events), "status": 200})

        events = events_of(4)
        with ScriptedServer(script) as server, without_delays(), client_for(server, max_attempts=2) as client:
            self.assertEqual(client.send_sync(events), names(events))
        bodies = [request.body for request in server.requests]
        self.assertEqual((bodies[1], bodies[3], len(bodies)), (bodies[2], bodies[4], 5))
        seeds = [request.headers["x-inngest-event-id-seed"] for request in server.requests]
        self.assertEqual((seeds[0], seeds[0], seeds[3]), (seeds[1], seeds[2], seeds[4]))


class LimitTest(unittest.TestCase):
    def test_the_client_remembers_half_the_smallest_size_that_was_refused(self):
        refused = []
        events = events_of(16, 40 * KIB)
        with ScriptedServer(then=limited(200 * KIB, refused)) as server, client_for(server) as client:
            client.send_sync(events)
            self.assertEqual([len(request.events) for request in refused], [16, 8])
            for source in (events, iter(events)):  # a list is cut into batches before the first one is sent
                self.assertEqual(client.send_sync(source), names(events))
        self.assertEqual(len(refused), 2)

    def test_what_the_same_call_has_not_sent_yet_is_cut_by_it_too(self):
        refused = []
        events = events_of(5001, 100)
        for source in (events, iter(events)):
            with ScriptedServer(then=limited(400 * KIB, refused)) as server, client_for(server) as client:
                self.assertEqual(client.send_sync(source), names(events))
        self.assertEqual([len(request.events) for request in refused], [5000] * 2)

    def test_it_is_never_less_than_64_kib(self):
        with ScriptedServer(then=limited(1 * KIB)) as server, client_for(server) as client:
            client.send_sync(events_of(8, 300))
            self.assertEqual(client._sender._delivery._size_limit, 64 * KIB)


    def test_what_is_just_as_large_goes_out_whole(self):
        with ScriptedServer(then=limited(1024 * KIB)) as server, client_for(server) as client:
            for _ in range(2):
                client.send_sync(events_of(8))
                client._sender._delivery._size_limit = len(server.requests[0].body)
        self.assertEqual([len(request.events) for request in server.requests], [8, 8])

    def test_two_events_are_cut_too(self):
        with ScriptedServer(then=limited(100)) as server, client_for(server) as client:
            self.assertEqual(client.send_sync(events_of(2, 40)), names(events_of(2)))
        self.assertEqual([len(request.events) for request in server.requests], [2, 1, 1])


class RefusedTest(unittest.TestCase):
    def test_a_single_event_that_does_not_fit_ends_the_call(self):
        events = events_of(8)
        events[5].data["text"] = "x" * 10000
        with ScriptedServer(then=limited(5000)) as server, client_for(server) as client:
            error = failure_of(client, events)
        self.assertEqual((error.ids, error.unsent), (names(events[:5]), events[5:]))
        self.assertEqual((error.status, error.is_retriable, error.maybe_delivered), (413, False, False))

    def test_of_a_generator_what_was_taken_is_left(self):
        events = events_of(5005)
        events[4999].data["text"] = "x" * 400000
        with ScriptedServer(then=limited(200000)) as server, client_for(server) as client:
            error = failure_of(client, iter(events))
        self.assertEqual((error.ids, error.unsent), (names(events[:4999]), events[4999:5001]))

    def test_that_the_whole_may_have_arrived_before_is_not_forgotten(self):
        def script(peer):
            peer.read()
            peer.answer(500)
            peer.read()
            peer.answer(413)
            for request in iter(peer.read, None):
                if names(request.events) == ["event 1"]:
                    peer.answer(401, {"error": "no"})
                else:
                    peer.answer(200, {"ids": names(request.events), "status": 200})

        with ScriptedServer(script) as server, without_delays(), client_for(server) as client:
            error = failure_of(client, events_of(2))
        self.assertEqual((error.ids, names(error.unsent), error.status), (["event 0"], ["event 1"], 401))
        self.assertTrue(error.maybe_delivered)

    def test_a_413_that_accepted_some_is_not_cut(self):
        def script(peer):
            peer.read()
            peer.answer(413, {"ids": ["A"], "status": 413, "error": "too large"})

        with ScriptedServer(script) as server, client_for(server) as client:
            error = failure_of(client, events_of(3))
        self.assertEqual((error.ids, len(error.unsent), len(server.requests)), (["A"], 2, 1))
