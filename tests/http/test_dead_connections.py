"""Idle connections may have died without a word: a firewall forgot them, or a worker of the gateway hangs."""

import contextlib
import ctypes
import socket
import sys
import threading
import unittest
from unittest import mock

from tests.helpers.library import TIME_LIMIT, module
from tests.helpers.servers import (
    EVENT,
    LARGE,
    SMALL_BUFFER,
    ScriptedServer,
    client_context,
    client_for,
    failure_of,
    server_context,
    silent,
    without_delays,
)
from tests.helpers.waiting import SkippedWaits, side_by_side

stream = module("http.stream")


class Crowd:
    """A server's script that answers the first request of each of ``size`` connections at once; then goes on."""

    def __init__(self, size, then):
        self.everyone_is_here = threading.Barrier(size)
        self.then = then

    def __call__(self, peer):
        request = peer.read()
        self.everyone_is_here.wait(TIME_LIMIT)
        peer.accept(request)
        self.then(peer)


def make_idle(client, size):
    """Give a client so many idle connections, of a server whose script is a Crowd of that size."""
    threads = [threading.Thread(target=client.send_sync, args=(EVENT,)) for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def hang(peer):
    peer.read()
    silent(peer)


class HangingTest(unittest.TestCase):
    SIZE = 5

    @contextlib.contextmanager
    def client_of_the_dead(self, then=hang, **options):
        """Yield a client whose idle connections are all dead, and its server, which has living ones."""
        crowd = Crowd(self.SIZE, then)
        with without_delays(), ScriptedServer(*[crowd] * self.SIZE) as server, SkippedWaits(server) as waits:
            with client_for(server, request_timeout=5000, **options) as client:
                make_idle(client, self.SIZE)
                self.assertEqual(server.connections, self.SIZE)
                waits.put_forward(1)
                yield client, server

    def test_after_an_attempt_without_a_response_the_next_goes_out_on_a_new_connection(self):
        with self.client_of_the_dead(max_attempts=2) as (client, server):
            self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(server.connections, self.SIZE + 1)

    def test_the_others_are_dropped_for_later_calls_too(self):
        with self.client_of_the_dead(max_attempts=1) as (client, server):
            failure_of(client)
            for _ in range(self.SIZE):
                self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(server.connections, self.SIZE + 1)


class NewConnectionTest(unittest.TestCase):
    def test_where_one_is_asked_for_no_idle_one_is_used_nor_closed(self):
        with ScriptedServer() as server:
            client = module("http.transport").Transport(f"{server.url}e/key")
            with contextlib.closing(client):
                for new_connection, connections in ((False, 1), (True, 2), (False, 2), (True, 3)):
                    cancellation = module("http.cancellation").Cancellation()
                    client.post(b"[]", {}, timeout=TIME_LIMIT, cancellation=cancellation, new_connection=new_connection)
                    self.assertEqual(server.connections, connections)


def swallow(sock):
    """Have the kernel drop what arrives for a socket, as a path does that is cut: it acknowledges nothing."""

    class Instruction(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction))]

    drop_all = Instruction(0x06, 0, 0, 0)  # BPF_RET: keep 0 bytes
    attach_filter = 26  # SO_ATTACH_FILTER
    program = Program(1, ctypes.pointer(drop_all))
    sock.setsockopt(socket.SOL_SOCKET, attach_filter, bytes(program))


def can_swallow():
    """Return whether this process may do that, as a user other than root may not on every machine."""
    try:
        with socket.socket() as sock:
            swallow(sock)
    except OSError:
        return False
    return True


@unittest.skipUnless(hasattr(socket, "TCP_USER_TIMEOUT") and sys.platform == "linux", "needs Linux's TCP_USER_TIMEOUT")
class BlackHoleTest(unittest.TestCase):
    """A path that swallows packets is told from a server that is slow, and costs no attempt."""

    def black_hole(self, swallowed):
        def script(peer):
            peer.accept(peer.read())
            swallow(peer.socket)
            swallowed.set()
            silent(peer)

        return script

    LIMIT = 0.3  # seconds, by the kernel's clock, which no test can put forward

    @unittest.skipUnless(can_swallow(), "needs the right to filter what a socket receives")
    def test_the_same_bytes_go_out_again_within_the_attempt(self):
        def check(context):
            swallowed = threading.Event()
            with ScriptedServer(self.black_hole(swallowed), ssl_context=context) as server:
                with client_for(server, max_attempts=1, ssl_context=client_context()) as client:
                    client.send_sync(EVENT)
                    self.assertTrue(swallowed.wait(TIME_LIMIT))
                    self.assertEqual(len(client.send_sync(EVENT)), 1)
            self.assertEqual((server.connections, len(server.requests)), (2, 2))

        with mock.patch.object(stream, "MAX_UNACKNOWLEDGED", self.LIMIT):
            side_by_side(self, check, {"http": [None], "https": [server_context()]})

    def test_a_server_that_is_slow_or_lets_its_window_fill_up_is_waited_for(self):
        def slow(peer):
            peer.accept(peer.read())
            request = peer.read()
            peer.server.finished.wait(4 * self.LIMIT)
            peer.accept(request)

        def reads_late(peer):
            peer.accept(peer.read())
            peer.server.finished.wait(4 * self.LIMIT)
            peer.accept(peer.read())

        def check(script, events, context):
            with ScriptedServer(script, ssl_context=context, receive_buffer=SMALL_BUFFER) as server:
                with client_for(server, max_attempts=1, ssl_context=client_context()) as client:
                    client.send_sync(EVENT)
                    self.assertEqual(len(client.send_sync(events)), len(events))
            self.assertEqual((server.connections, len(server.requests)), (1, 2))

        with mock.patch.object(stream, "MAX_UNACKNOWLEDGED", self.LIMIT):
            cases = {
                "slow": [slow, [EVENT], None],
                "reads late": [reads_late, LARGE, None],
                "reads late, https": [reads_late, LARGE, server_context()],
            }
            side_by_side(self, check, cases)

    def test_a_kernel_that_does_not_know_the_limit_is_no_error(self):
        unknown = 9999
        with mock.patch.object(socket, "TCP_USER_TIMEOUT", unknown), ScriptedServer() as server:
            with client_for(server, max_attempts=1) as client:
                for _ in range(3):
                    client.send_sync(EVENT)
        self.assertEqual((server.connections, len(server.requests)), (1, 3))

    def test_it_costs_five_seconds_at_most_and_half_the_attempt(self):
        self.assertEqual(stream.MAX_UNACKNOWLEDGED, 5.0)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            left, (right, _) = socket.create_connection(listener.getsockname()), listener.accept()
        own = stream.Stream(left)
        for seconds, limit in ((30, 5000), (2, 1000), (0.01, 5), (0.001, 1)):
            with mock.patch.object(stream, "monotonic", lambda: 1.0):
                own.begin(1.0 + seconds, module("http.cancellation").Cancellation())
                own.limit_unacknowledged()
            got = left.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            self.assertAlmostEqual(got, limit, delta=1)  # it is cut to whole milliseconds
        right.close()
        own.close()
