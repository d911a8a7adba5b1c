"""The stand-in server: what it stores and shows, its faults, its sockets."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

from tests.helpers.library import NAME, ROOT, inngest, module
from tests.helpers.servers import client_context, server_context

testing = module("testing")
SEED = "1743130137367,73MuJCbO8jNyDQ=="


class EventServerTest(unittest.TestCase):
    def start(self, *args, **kwargs):
        server = testing.EventServer(*args, **kwargs).start()
        self.addCleanup(server.close)
        return server

    def client(self, server, **kwargs):
        client = inngest.Inngest(app_id="t", is_production=False, event_api_base_url=server.url, **kwargs)
        self.addCleanup(client.close)
        return client

    def connect(self, server):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
        self.addCleanup(connection.close)
        return connection

    def post(self, connection, body, path="/e/test", **headers):
        connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()


class Stored(EventServerTest):
    def test_before_it_is_started_it_has_no_url(self):
        with self.assertRaisesRegex(RuntimeError, "not started"):
            testing.EventServer().url

    def test_an_event_is_stored_with_all_that_came(self):
        server = self.start()
        before = time.time()
        ids = self.client(server).send_sync(inngest.Event("a/b", {"x": [1]}, "mine", 1700000000000))
        (event,) = server.events
        self.assertEqual([event.internal_id], ids)
        self.assertEqual((event.name, event.data, event.id, event.ts), ("a/b", {"x": [1]}, "mine", 1700000000000))
        self.assertTrue(before - 1 <= event.received_at <= time.time() + 1)
        self.assertEqual(event.seed, server.requests[0].headers["x-inngest-event-id-seed"])

    def test_an_event_without_ts_gets_the_time_it_was_received(self):
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        (event,) = server.events
        self.assertEqual(event.ts, int(event.received_at * 1000))

    def test_numbers_and_text_are_altered_as_the_server_alters_them(self):
        server = self.start()
        body = b'{"name":"a","data":{"n":9007199254740993,"s":"\\ud800x\\ud83d\\ude00","b":"\xff","_inngest":1}}'
        self.assertEqual(self.post(self.connect(server), body)[0], 200)
        expected = {"n": 9007199254740992, "s": "\ufffdx\U0001f600", "b": "\ufffd"}
        self.assertEqual(server.events[0].data, expected)

    def test_data_is_kept_ten_thousand_levels_deep(self):
        server = self.start()
        depth = 9998
        body = b'{"name":"a","data":{"x":' + b"[" * depth + b"]" * depth + b"}}"
        self.assertEqual(self.post(self.connect(server), body)[0], 200)
        value = server.events[0].data["x"]
        for _ in range(depth - 1):
            (value,) = value
        self.assertEqual(value, [])

    def test_bad_json_is_refused_in_the_words_of_go(self):
        cases = {
            b'{"name":"a" "data":1}': "invalid character '\"' after object key:value pair",
            b'{"name" "a"}': "invalid character '\"' after object key",
            b'[{"name":"a"} {"name":"b"}]': "invalid character '{' after array element",
            b"{name:1}": "invalid character 'n' looking for beginning of object key string",
            b'[{"name":"a"},': "unexpected end of JSON input",
            b'{"name":"a': "unexpected end of JSON input",
            b'{"name":"a","data":{"x":[1,2}}': "invalid character '}' after array element",
        }
        connection = self.connect(self.start())
        for body, error in cases.items():
            with self.subTest(body):
                status, answer = self.post(connection, body)
                self.assertEqual((status, json.loads(answer.decode())["error"]), (400, error))

    def test_the_events_before_a_bad_one_are_stored(self):
        server = self.start()
        self.post(self.connect(server), b'[{"name":"a"},{"name":"b"},{"name":""},{"name":"c"}]')
        self.assertEqual([event.name for event in server.events], ["a", "b"])

    def test_a_body_in_chunks_and_one_that_waits_for_100_are_read(self):
        server = self.start()
        connection = self.connect(server)
        connection.request("POST", "/e/test", iter([b'{"name"', b':"a"}']), encode_chunked=True)
        self.assertEqual(connection.getresponse().read()[:8], b'{"ids":[')
        with socket.create_connection((server.host, server.port), 10) as sock:
            sock.sendall(b"POST /e/k HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n")
            self.assertEqual(sock.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b'{"name":"b"}')
            self.assertIn(b" 200 ", sock.recv(1000))
        self.assertEqual([event.name for event in server.events], ["a", "b"])

    def test_wait_for_returns_when_the_events_are_there(self):
        server = self.start()
        client = self.client(server)
        thread = threading.Thread(target=client.send_sync, args=([inngest.Event("a")] * 3,))
        thread.start()
        self.assertEqual(len(server.wait_for(3)), 3)
        thread.join()

    def test_wait_for_says_how_many_came(self):
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        with self.assertRaisesRegex(AssertionError, "^1 of 2 events came within 0.01 s$"):
            server.wait_for(2, timeout=0.01)

    def test_only_the_newest_are_kept_when_asked(self):
        server = self.start(keep=3)
        client = self.client(server)
        for n in range(5):
            client.send_sync(inngest.Event("n{}".format(n)))
        self.assertEqual([event.name for event in server.events], ["n2", "n3", "n4"])
        self.assertEqual(len(server.requests), 3)
        self.assertEqual(len(server.wait_for(5)), 3)

    def test_clear_forgets_everything(self):
        server = self.start()
        client = self.client(server)
        client.send_sync(inngest.Event("a", id="x"))
        server.fail_next()
        server.fail_randomly(1.0, seed=1)
        server.clear()
        self.assertEqual((server.events, server.runs, server.requests), ([], [], []))
        client.send_sync(inngest.Event("b", id="x"))
        self.assertEqual([event.name for event in server.runs], ["b"])


class Runs(EventServerTest):
    def test_a_request_that_comes_twice_starts_each_run_once(self):
        server = self.start()
        connection = self.connect(server)
        answers = [self.post(connection, b'[{"name":"a"},{"name":"b"}]', X_Inngest_Event_Id_Seed=SEED) for _ in "12"]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual([event.name for event in server.events], ["a", "b", "a", "b"])
        self.assertEqual([event.name for event in server.runs], ["a", "b"])

    def test_an_id_of_the_senders_own_starts_a_run_once_in_24_hours(self):
        server = self.start()
        connection = self.connect(server)
        now = time.time()
        for hours in (0, 23.9, 24.1, 47, 48.2):
            with mock.patch.object(module("testing.store").time, "time", return_value=now + hours * 3600):
                self.post(connection, b'{"name":"a","id":"x"}')
        self.assertEqual([round((run.received_at - now) / 3600, 1) for run in server.runs], [0, 24.1, 48.2])

    def test_events_without_ids_start_a_run_each(self):
        server = self.start()
        self.client(server).send_sync([inngest.Event("a")] * 3)
        self.assertEqual(len(server.runs), 3)


class Sockets(EventServerTest):
    def test_a_request_is_kept_as_it_was_received(self):
        server = self.start()
        client = self.client(server, event_key="k")
        client.send_sync(inngest.Event("a"))
        client.send_sync(inngest.Event("b"))
        self.client(server).send_sync(inngest.Event("c"))
        self.assertEqual([request.connection for request in server.requests], [1, 1, 2])
        request = server.requests[0]
        self.assertEqual((request.method, request.path, request.body), ("POST", "/e/k", b'[{"name":"a","data":{}}]'))
        self.assertEqual(request.headers["content-type"], "application/json")

    def test_many_connections_are_served_at_once(self):
        server = self.start()
        connections = [self.connect(server) for _ in range(50)]
        for connection in connections:
            connection.connect()
        for connection in reversed(connections):
            self.assertEqual(self.post(connection, b'{"name":"a"}')[0], 200)

    def test_tls(self):
        server = self.start(ssl_context=server_context())
        self.assertTrue(server.url.startswith("https://"))
        self.client(server, ssl_context=client_context()).send_sync(inngest.Event("a"))
        self.assertEqual(len(server.events), 1)

    def test_a_wrong_key_with_a_small_body_keeps_the_connection_and_with_a_large_one_does_not(self):
        server = self.start(event_key="right")
        connection = self.connect(server)
        self.assertEqual(self.post(connection, b'{"name":"a"}', "/e/wrong")[0], 401)
        self.assertEqual(self.post(connection, b'{"name":"a"}', "/e/right")[0], 200)
        with self.assertRaises(inngest.SendEventsError) as caught:
            self.client(server, event_key="wrong").send_sync(inngest.Event("a", {"x": "x" * 3000000}))
        self.assertEqual(caught.exception.status, 401)

    def test_what_is_not_http_ends_its_connection_only(self):
        server = self.start()
        with socket.create_connection((server.host, server.port), 10) as sock:
            sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            self.assertEqual(sock.recv(100), b"")
        self.assertEqual(self.post(self.connect(server), b'{"name":"a"}')[0], 200)

    def test_a_port_in_use_is_an_oserror(self):
        server = self.start()
        with self.assertRaises(OSError):
            testing.EventServer(port=server.port).start()

    def test_close_may_be_called_twice_and_what_came_can_still_be_seen(self):
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        server.close()
        server.close()
        self.assertEqual(len(server.events), 1)
        with self.assertRaises(OSError):
            socket.create_connection((server.host, server.port), 1)

    def test_close_leaves_no_thread(self):
        before = set(threading.enumerate())
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        server.close()
        self.assertEqual([thread for thread in threading.enumerate() if thread not in before], [])

    def test_a_server_left_running_ends_with_the_process(self):
        program = "from {}.testing import EventServer; EventServer().start()".format(NAME)
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=30, check=True)

    def test_reprs_show_what_helps_and_no_key(self):
        server = self.start(event_key="s3cr3t")
        self.client(server, event_key="s3cr3t").send_sync(inngest.Event("a/b", {"x": 1}))
        shown = [repr(server), repr(server.events), repr(server.requests)]
        self.assertNotIn("s3cr3t", "".join(shown))
        self.assertIn("1 events in 1 connections", shown[0])
        self.assertIn("'a/b'", shown[1])
        self.assertIn("data={'x': 1}", shown[1])
        self.assertIn("POST", shown[2])


class Faults(EventServerTest):
    """Each fault, as the wire shows it to a client that tries once."""

    def outcome(self, kind, **options):
        server = self.start()
        client = self.client(server, max_attempts=1, request_timeout=2000)
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
        self.assertEqual(self.post(connection, b'{"name":"b"}')[0], 200)
        self.assertEqual([event.name for event in server.events], ["b"])
        self.assertEqual(server.faults, {"status": 2})

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

    def test_a_slow_answer_comes_whole(self):
        for kind in ("drip", "delay"):
            with self.subTest(kind):
                ids, stored = self.outcome(kind, seconds=0.001)
                self.assertEqual((len(ids), stored), (2, ["a", "b"]))

    def test_a_connection_closed_while_idle_is_answered_before(self):
        server = self.start()
        server.fail_next("idle_close")
        connection = self.connect(server)
        self.assertEqual(self.post(connection, b'{"name":"a"}')[0], 200)
        self.assertEqual(connection.sock.recv(1), b"")

    def test_random_faults_are_drawn_from_a_seed(self):
        def kinds(seed):
            server = self.start()
            server.fail_randomly(0.5, seed=seed, kinds=["page", "status", "no_ids"])
            connection = self.connect(server)
            return [self.post(connection, b'{"name":"a"}') for _ in range(30)]

        def without_ids(answers):
            return [(status, body if b"ids" not in body else b"") for status, body in answers]

        self.assertEqual(without_ids(kinds(1)), without_ids(kinds(1)))
        self.assertNotEqual(without_ids(kinds(1)), without_ids(kinds(2)))

    def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(self):
        with self.assertRaisesRegex(ValueError, "no fault 'typo'; there are status, "):
            self.start().fail_next("typo")


class Independence(unittest.TestCase):
    def test_the_server_shares_no_code_with_the_client(self):
        folder = os.path.dirname(testing.__file__)
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.assertNotIn("from ..", file.read(), name)


if __name__ == "__main__":
    unittest.main()
