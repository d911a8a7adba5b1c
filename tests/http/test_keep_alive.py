"""Connections are kept alive and reused, and only when that is safe."""

import contextlib
import os
import socket
import sys
import threading
import time
import unittest
import warnings
from unittest import mock

from tests.helpers import library
from tests.helpers.environments import counts_references
from tests.helpers.library import TIME_LIMIT, inngest, module
from tests.helpers.processes import run
from tests.helpers.servers import (
    CERTIFICATES,
    KEY,
    ScriptedServer,
    answering,
    client_for,
    failure_of,
    name_ids,
    server_context,
)

FORKING = """
import importlib, os, sys
inngest = importlib.import_module(sys.argv[1])
Event, Inngest = inngest.Event, inngest.Inngest

client = Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2])

def send(who):
    for number in range(25):
        name = f"{who} {number}"
        ids = client.send_sync(Event(name=name))
        assert ids == ["id of " + name], ids

send("before")
child = os.fork()
if child == 0:
    try:
        send("child")
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)
send("parent")
status = os.waitpid(child, 0)[1]
send("after")
client.close()
sys.exit(status != 0)
"""

runtime_clock = module("runtime.clock")


class Clock:
    """Stands in for the module ``time``, and for ``runtime.clock``; each clock can be moved."""

    def __init__(self):
        self.monotonic_offset = self.wall_offset = 0

    def monotonic(self):
        return runtime_clock.monotonic() + self.monotonic_offset

    def time(self):
        return time.time() + self.wall_offset


def send(client, name="test/event"):
    return client.send_sync(inngest.Event(name=name))


def seed_of(request):
    return request.headers["x-inngest-event-id-seed"]


class ReuseTest(unittest.TestCase):
    def test_one_connection_serves_one_send_after_the_other(self):
        with ScriptedServer() as server, client_for(server) as client:
            for _ in range(10):
                send(client)
        self.assertEqual((server.connections, len(server.requests)), (1, 10))

    def test_a_connection_is_kept_after_an_answer_that_is_an_error(self):
        for status in (400, 401, 500):
            with self.subTest(status=status):
                script = answering(status, {"status": status, "error": "no"})
                with ScriptedServer(script) as server, client_for(server, max_attempts=1) as client:
                    failure_of(client)
                    failure_of(client)
                self.assertEqual((server.connections, len(server.requests)), (1, 2))

    def test_threads_use_at_most_one_connection_each_and_get_their_own_ids(self):
        mistakes = []

        def work(client, number):
            for round in range(10):
                name = f"thread {number} round {round}"
                if send(client, name) != ["id of " + name]:
                    mistakes.append(name)

        with ScriptedServer(then=name_ids) as server, client_for(server) as client:
            threads = [threading.Thread(target=work, args=(client, number)) for number in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(mistakes, [])
        self.assertEqual(len(server.requests), 200)
        self.assertLessEqual(server.connections, 20)

    def test_no_more_idle_connections_are_kept_than_max_concurrency(self):
        everyone_is_here = threading.Barrier(3)
        closed = threading.Semaphore(0)

        def script(peer):
            request = peer.read()
            everyone_is_here.wait(TIME_LIMIT)
            peer.accept(request)
            peer.read()
            closed.release()

        with ScriptedServer(then=script) as server, client_for(server, max_concurrency=2) as client:
            threads = [threading.Thread(target=send, args=(client,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertTrue(closed.acquire(timeout=TIME_LIMIT))
            self.assertFalse(closed.acquire(blocking=False))

    def test_head_and_body_leave_in_one_write(self):
        received = []

        def script(peer):
            received.append(peer.socket.recv(65536))
            peer.answer(200, {"ids": ["ID"], "status": 200})

        with ScriptedServer(then=script) as server, client_for(server) as client:
            for _ in range(5):
                send(client)
        self.assertEqual(len(received), 5)
        for data in received:
            self.assertTrue(data.startswith(b"POST /e/" + KEY.encode()), data)
            self.assertTrue(data.endswith(b'\r\n\r\n[{"name":"test/event","data":{}}]'), data)


class NotReusedTest(unittest.TestCase):
    """A connection that is not fit for a second request is closed, and a new one is made."""

    def test_a_connection_that_was_idle_too_long_by_either_clock(self):
        cases = [
            ("fresh", 29, 29, 1),
            ("monotonic", 31, 0, 2),
            ("wall, as after a Lambda was frozen", 0, 31, 2),
            ("wall, set back", 0, -3600, 2),
            ("both", 31, 31, 2),
        ]
        for case, monotonic, wall, connections in cases:
            with self.subTest(case):
                clock = Clock()
                with mock.patch.multiple(module("http.connection"), time=clock, monotonic=clock.monotonic):
                    with ScriptedServer() as server, client_for(server) as client:
                        send(client)
                        clock.monotonic_offset, clock.wall_offset = monotonic, wall
                        send(client)
                self.assertEqual(server.connections, connections)

    def test_a_connection_that_is_older_than_five_minutes_however_busy(self):
        clock = Clock()
        with mock.patch.multiple(module("http.connection"), time=clock, monotonic=clock.monotonic):
            with ScriptedServer() as server, client_for(server) as client:
                for _ in range(22):
                    send(client)
                    clock.monotonic_offset += 29
                    clock.wall_offset += 29
        self.assertEqual(server.connections, 2)

    def test_a_connection_that_the_server_half_closed_gets_no_further_byte(self):
        half_closed = threading.Event()
        late = []

        def script(peer):
            peer.accept(peer.read())
            peer.socket.shutdown(socket.SHUT_WR)
            half_closed.set()
            late.append(peer.socket.recv(65536))

        with ScriptedServer(script) as server, client_for(server, max_attempts=1) as client:
            send(client)
            half_closed.wait()
            send(client)
        self.assertEqual((late, server.connections), ([b""], 2))

    def test_a_connection_that_the_server_closed_while_it_was_idle(self):
        def script(peer):
            peer.accept(peer.read())

        with ScriptedServer(then=script) as server, client_for(server, max_attempts=1) as client:
            for _ in range(20):
                send(client)
        self.assertEqual((server.connections, len(server.requests)), (20, 20))

    def test_a_connection_on_which_bytes_came_that_nobody_asked_for(self):
        idle, sent = threading.Event(), threading.Event()

        def script(peer):
            peer.accept(peer.read())
            idle.wait()
            peer.answer(200, {"ids": ["FORGED"], "status": 200})
            sent.set()
            peer.read()

        with ScriptedServer(script, name_ids) as server, client_for(server) as client:
            send(client)
            idle.set()
            sent.wait()
            self.assertEqual(send(client, "second"), ["id of second"])
        self.assertEqual((server.connections, len(server.requests)), (2, 2))

    def test_a_connection_whose_answer_had_bytes_after_its_end(self):
        def script(peer):
            peer.read()
            body = b'{"ids":["FIRST"],"status":200}'
            forged = b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"ids":["FORGED"],"status":200}'
            peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + forged)
            peer.read()

        with ScriptedServer(script, name_ids) as server, client_for(server) as client:
            self.assertEqual(send(client, "first"), ["FIRST"])
            self.assertEqual(send(client, "second"), ["id of second"])

    def test_a_connection_that_the_answer_calls_the_last(self):
        body = b'{"ids":["ID"],"status":200}'
        answers = {
            "Connection: close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 27\r\n\r\n",
            "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 27\r\n\r\n",
        }
        for case, head in answers.items():
            with self.subTest(case):
                ended_by_the_client = []

                def script(peer):
                    peer.read()
                    peer.send(head + body)
                    ended_by_the_client.append(peer.read() is None)

                with ScriptedServer(then=script) as server, client_for(server) as client:
                    self.assertEqual(send(client) + send(client), ["ID", "ID"])
                self.assertEqual((server.connections, ended_by_the_client), (2, [True, True]))

    def test_a_connection_whose_answer_ends_where_the_stream_ends(self):
        def script(peer):
            peer.read()
            peer.send(b'HTTP/1.0 200 OK\r\n\r\n{"ids":["ID"],"status":200}')

        with ScriptedServer(then=script) as server, client_for(server) as client:
            self.assertEqual(send(client) + send(client), ["ID", "ID"])
        self.assertEqual(server.connections, 2)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_connection_that_was_made_before_a_fork(self):
        for ssl_context in (None, server_context()):
            with self.subTest(tls=ssl_context is not None):
                with ScriptedServer(then=name_ids, ssl_context=ssl_context) as server:
                    environ = dict(os.environ, SSL_CERT_FILE=os.path.join(CERTIFICATES, "authority.pem"))
                    found = run(["-W", "ignore", "-c", FORKING, library.NAME, server.url], env=environ)
                self.assertEqual(found, (0, "", ""))
                self.assertEqual(server.connections, 2)
                self.assertEqual(len(server.requests), 100)


class DroppedTest(unittest.TestCase):
    @counts_references
    def test_a_connection_that_is_dropped_closes_its_socket_without_a_warning(self):
        ours, theirs = socket.socketpair()
        with contextlib.closing(theirs), warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            connection = module("http.connection").Connection(module("http.stream").Stream(ours))
            with mock.patch.object(sys, "unraisablehook", create=True) as unraisable:
                del ours, connection
            self.assertEqual(theirs.recv(1), b"")
            self.assertEqual(unraisable.mock_calls, [])


class DeadConnectionTest(unittest.TestCase):
    """A kept-alive connection may die just as it is used again."""

    def test_the_same_bytes_go_out_again_on_a_new_one_and_that_is_no_attempt(self):
        for case, end in (("closed", lambda peer: None), ("reset", lambda peer: peer.reset())):
            with self.subTest(case):

                def script(peer):
                    peer.accept(peer.read())
                    peer.read()
                    end(peer)

                with ScriptedServer(script) as server, client_for(server, max_attempts=1) as client:
                    send(client, "first")
                    send(client, "second")
                first, lost, second = server.requests
                self.assertEqual(server.connections, 2)
                self.assertEqual((second.body, seed_of(second)), (lost.body, seed_of(lost)))
                self.assertNotEqual(seed_of(second), seed_of(first))

    def test_it_goes_out_on_a_new_one_even_if_others_are_idle(self):
        everyone_is_here = threading.Barrier(2)

        def script(peer):
            request = peer.read()
            everyone_is_here.wait(TIME_LIMIT)
            peer.accept(request)
            peer.read()

        with ScriptedServer(script, script) as server, client_for(server, max_attempts=1) as client:
            threads = [threading.Thread(target=send, args=(client,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            send(client)
        self.assertEqual((server.connections, len(server.requests)), (3, 4))

    def test_once_a_byte_of_the_answer_came_it_is_an_attempt(self):
        def script(peer):
            peer.accept(peer.read())
            peer.read()
            peer.send(b"HTTP/1.1 2")

        with ScriptedServer(script) as server, client_for(server, max_attempts=1) as client:
            send(client)
            error = failure_of(client)
        self.assertEqual((error.attempts, server.connections, len(server.requests)), (1, 1, 2))
        self.assertTrue(error.maybe_delivered)

    def test_on_a_new_connection_it_is_an_attempt(self):
        with ScriptedServer(lambda peer: peer.read()) as server, client_for(server, max_attempts=1) as client:
            error = failure_of(client)
        self.assertEqual((error.attempts, server.connections), (1, 1))
        self.assertIn("closed the connection without a response", str(error))
