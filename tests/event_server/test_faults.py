"""Each fault that the stand-in server plays, as the wire shows it to a client that tries once."""

import gzip
import http.client
import json
import socket

from tests.helpers.event_server import EventServerTest
from tests.helpers.library import TIME_LIMIT, inngest


class FaultsTest(EventServerTest):
    def outcome(self, kind, **options):
        server = self.start()
        client = self.client(server, max_attempts=1)
        client.send_sync(inngest.Event("first"))
        server.fail_next(kind, **options)
        try:
            ids = client.send_sync([inngest.Event("a"), inngest.Event("b")])
        except inngest.SendEventsError as error:
            return error, [event.name for event in server.events[1:]]
        return ids, [event.name for event in server.events[1:]]

    def test_a_status_with_body_and_headers_for_so_many_requests(self):
        server = self.start()
        server.fail_next(status=503, times=2, headers={"Retry-After": "7"}, body="busy")
        connection = self.connect(server)
        for _ in range(2):
            connection.request("POST", "/e/k", b'{"name":"a"}')
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (503, b"busy"))
            self.assertEqual(response.headers["Retry-After"], "7")
        server.fail_next()
        self.assertEqual(self.post(connection, b'{"name":"a"}'), (500, b""))
        self.assertEqual(self.post(connection, b'{"name":"b"}')[0], 200)
        self.assertEqual([event.name for event in server.events], ["b"])
        self.assertEqual(server.faults, {"status": 3})

    def test_faults_that_store_and_fail(self):
        for kind, status in (("stored_status", 500), ("truncated", None), ("no_ids", 200), ("short_ids", 200)):
            with self.subTest(kind):
                error, stored = self.outcome(kind)
                self.assertIsInstance(error, inngest.SendEventsError)
                self.assertEqual((error.status, stored), (status, ["a", "b"]))
                self.assertTrue(error.maybe_delivered)

    def test_faults_that_store_nothing(self):
        for kind, status in (("status", 500), ("page", 200), ("early_401", 401)):
            with self.subTest(kind):
                error, stored = self.outcome(kind)
                self.assertEqual((error.status, stored), (status, []))

    def test_a_reset_is_played_before_the_request_is_read_or_after_it_is_stored(self):
        for kind, stored in (("reset", []), ("stored_reset", [b"a"])):
            with self.subTest(kind):
                server = self.start()
                server.fail_next(kind)
                with socket.create_connection((server.host, server.port), 10) as sock:
                    sock.sendall(b'POST /e/k HTTP/1.1\r\nContent-Length: 12\r\n\r\n{"name":"a"}')
                    with self.assertRaises(ConnectionResetError):
                        sock.recv(100)
                self.assertEqual([event.name.encode() for event in server.events], stored)

    def test_a_slow_response_comes_whole(self):
        for kind in ("drip", "delay"):
            with self.subTest(kind):
                ids, stored = self.outcome(kind, seconds=0.001)
                self.assertEqual((len(ids), stored), (2, ["a", "b"]))

    def test_a_slow_response_is_not_there_before_its_time(self):
        for kind in ("drip", "delay"):
            with self.subTest(kind):
                server = self.start()
                server.fail_next(kind, seconds=60)
                connection = self.connect(server)
                connection.request("POST", "/e/k", b'{"name":"a"}')
                server.wait_for(1, TIME_LIMIT)
                connection.sock.settimeout(0.1)
                with self.assertRaises(socket.timeout):
                    connection.sock.recv(1)

    def test_a_truncated_response_ends_in_its_middle(self):
        server = self.start()
        server.fail_next("truncated")
        connection = self.connect(server)
        connection.request("POST", "/e/k", b'{"name":"a"}')
        with self.assertRaises(http.client.IncompleteRead) as caught:
            connection.getresponse().read()
        self.assertRegex(caught.exception.partial, b'^{"ids":')

    def test_a_connection_closed_while_idle_is_answered_before(self):
        server = self.start()
        server.fail_next("idle_close")
        connection = self.connect(server)
        self.assertEqual(self.post(connection, b'{"name":"a"}')[0], 200)
        self.assertEqual(connection.sock.recv(1), b"")

    def test_a_connection_that_dies_while_idle_is_answered_before_and_stays_open(self):
        server = self.start()
        server.fail_next("idle_death")
        connection = self.connect(server)
        self.assertEqual(self.post(connection, b'{"name":"a"}')[0], 200)
        connection.sock.settimeout(0.2)
        connection.request("POST", "/e/k", b'{"name":"b"}')
        with self.assertRaises(socket.timeout):
            connection.getresponse()
        self.assertEqual([event.name for event in server.events], ["a"])

    def test_a_compressed_response_is_of_gzip(self):
        server = self.start()
        server.fail_next("compressed")
        connection = self.connect(server)
        connection.request("POST", "/e/k", b'{"name":"a"}', {"Accept-Encoding": "identity"})
        response = connection.getresponse()
        self.assertEqual(response.headers["Content-Encoding"], "gzip")
        self.assertEqual(len(json.loads(gzip.decompress(response.read()).decode())["ids"]), 1)

    def test_random_faults_are_drawn_from_a_seed(self):
        def kinds(seed):
            server = self.start()
            server.fail_randomly(0.5, seed=seed, kinds=["page", "status", "no_ids"])
            connection = self.connect(server)
            return [self.post(connection, b'{"name":"a"}') for _ in range(30)]

        def without_ids(responses):
            return [(status, body if b"ids" not in body else b"") for status, body in responses]

        self.assertEqual(without_ids(kinds(1)), without_ids(kinds(1)))
        self.assertNotEqual(without_ids(kinds(1)), without_ids(kinds(2)))

    def test_random_faults_have_the_statuses_of_servers_in_trouble(self):
        for kind, expected in (("status", {500, 503}), ("stored_status", {500})):
            with self.subTest(kind):
                server = self.start()
                server.fail_randomly(1, seed=1, kinds=[kind])
                connection = self.connect(server)
                self.assertEqual({self.post(connection, b'{"name":"a"}')[0] for _ in range(30)}, expected)

    def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(self):
        with self.assertRaisesRegex(ValueError, "no fault 'typo'; there are status, "):
            self.start().fail_next("typo")
