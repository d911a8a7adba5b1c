"""What a signal handler of the program raises comes through at once, wherever in a send it strikes."""

import collections
import contextlib
import math
import os
import random
import signal
import socket
import ssl
import sys
import threading
import unittest
import warnings
from unittest import mock

from tests.helpers.environments import counts_references
from tests.helpers.library import module
from tests.helpers.servers import EVENT, TIME_LIMIT, ScriptedServer, client_context, client_for, server_context, silent
from tests.helpers.strikes import Strike

cancellation = module("http.cancellation")
transport = module("http.transport")

BODY = b"[]"
AGAIN = 10 if sys.implementation.name == "cpython" else 0.5  # seconds; PyPy drops more
KINDS = (
    *(TimeoutError, ConnectionResetError, BrokenPipeError, BlockingIOError, OSError, IndexError, ValueError),
    *(KeyError, AttributeError, cancellation.Cancelled, KeyboardInterrupt),
)


def make_alarm(kind):
    class Alarm(kind):
        """What the program's own handler raises."""

    return Alarm


@contextlib.contextmanager
def alarm(kind, seconds):
    """Raise ``kind`` in the main thread after so many seconds, once.

    The signal comes until it is seen: one that arrives just before a system call is, when that has ended. Long after
    that it comes again, since what is raised may be dropped by Python itself, as within ``__del__``.
    """

    def handler(number, frame):
        signal.setitimer(signal.ITIMER_REAL, AGAIN, 0.1)
        raise kind("alarm")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@unittest.skipUnless(hasattr(signal, "setitimer"), "needs timers")
@unittest.skipUnless(threading.current_thread() is threading.main_thread(), "signals reach the main thread only")
class AlarmTest(unittest.TestCase):
    def check_comes_through(self, server, kind, body=BODY, url=None, **options):
        alarmed = make_alarm(kind)
        client = transport.Transport(f"{url or server.url}e/key", **options)
        with contextlib.closing(client):
            with self.assertRaises(alarmed), alarm(alarmed, 0.01):
                self.post(client, body)
        self.assertLessEqual(server.connections, 1)

    def test_in_every_wait_whatever_it_is(self):
        large = b" " * 8000000
        for kind in KINDS:
            with self.subTest(kind.__name__):
                with ScriptedServer(then=silent) as server:
                    self.check_comes_through(server, kind)
                with ScriptedServer(receive_buffer=65536, then=silent) as server:
                    self.check_comes_through(server, kind, large)
                with ScriptedServer(then=silent) as server:
                    url = server.url.replace("http:", "https:")
                    self.check_comes_through(server, kind, url=url, ssl_context=client_context())
                with ScriptedServer(then=silent, ssl_context=server_context()) as server:
                    self.check_comes_through(server, kind, ssl_context=client_context())
                with ScriptedServer(then=silent, ssl_context=server_context(), receive_buffer=65536) as server:
                    self.check_comes_through(server, kind, large, ssl_context=client_context())

    def test_on_a_connection_that_was_idle_it_is_not_taken_for_its_death(self):
        def script(peer):
            peer.accept(peer.read())
            silent(peer)

        for kind in KINDS:
            alarmed = make_alarm(kind)
            with self.subTest(kind.__name__), ScriptedServer(then=script) as server, client_for(server) as client:
                client.send_sync(EVENT)
                with self.assertRaises(alarmed), alarm(alarmed, 0.01):
                    client.send_sync(EVENT)
                self.assertEqual(server.connections, 1)

    def test_in_a_refusal_whose_text_is_slow(self):
        for head in (b"Content-Length: 100\r\n\r\n<html>", b"Transfer-Encoding: chunked\r\n\r\n"):

            def script(peer):
                peer.read()
                peer.send(b"HTTP/1.1 401 Unauthorized\r\n" + head)
                silent(peer)

            for kind in KINDS:
                with self.subTest(kind.__name__, head=head), ScriptedServer(then=script) as server:
                    self.check_comes_through(server, kind)

    def test_where_code_of_python_s_makes_another_error_of_it(self):
        def look_up(*args, **kwargs):
            try:
                threading.Event().wait(TIME_LIMIT)
            except ValueError:
                raise socket.gaierror("not a name")  # noqa: B904  # as http.client does, and the idna codec

        with ScriptedServer() as server, mock.patch("socket.getaddrinfo", look_up):
            client = transport.Transport(f"{server.url}e/key")
            with contextlib.closing(client):
                alarmed = make_alarm(ValueError)
                with self.assertRaises(alarmed), alarm(alarmed, 0.01):
                    self.post(client, BODY)

    def check_moments(self, server, seconds, body=BODY, rounds=200, ssl_context=None, kinds=KINDS):
        """Let an alarm strike at many moments of a post; see that it comes through, or comes too late."""
        moments = random.Random(1)
        counts = collections.Counter()
        descriptors = 0
        with warnings.catch_warnings():
            # A socket is lost, and closed as it is, where the alarm strikes between its making and its first use.
            warnings.simplefilter("ignore", ResourceWarning)
            # And Python itself drops, with a word on standard error, what a handler raises while an object is deleted.
            client = transport.Transport(f"{server.url}e/key", ssl_context=ssl_context)
            with contextlib.closing(client), mock.patch.object(sys, "unraisablehook", create=True):
                for number in range(rounds):
                    alarmed = make_alarm(kinds[number % len(kinds)])
                    if ssl_context is not None:
                        self.post(client, BODY)  # struck while it wraps a socket, the ssl module closes it twice
                    try:
                        with alarm(alarmed, moments.uniform(1e-5, seconds)):
                            exchange = self.post(client, body)
                    except alarmed:
                        counts["struck"] += 1
                    else:
                        counts[exchange.problem or exchange.response.status] += 1
                    if number == rounds // 2:
                        descriptors = self.descriptors()
                self.assertEqual(self.post(client, BODY).response.status, 200)
                self.assertLessEqual(self.descriptors(), descriptors + 6)
        self.assertGreater(counts.pop("struck"), rounds // 10)
        self.assertLessEqual(set(counts), {200, 401}, counts)

    @staticmethod
    def post(client, body):
        return client.post(body, {}, timeout=TIME_LIMIT, cancellation=cancellation.Cancellation())

    @staticmethod
    def descriptors():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    def test_a_connection_that_was_struck_while_it_was_made_is_dropped_in_silence(self):
        kind = module("http.connection").Connection
        kind.__new__(kind).__del__()

    @counts_references  # so that descriptors can be counted
    def test_at_any_moment_of_a_request(self):
        with ScriptedServer() as server:
            self.check_moments(server, 3e-4)

    @counts_references  # so that descriptors can be counted
    def test_at_any_moment_of_a_request_over_tls(self):
        with ScriptedServer(ssl_context=server_context()) as server:
            self.check_moments(server, 3e-4, ssl_context=client_context())

    @counts_references  # so that descriptors can be counted
    def test_at_any_moment_of_a_request_on_a_new_connection(self):
        def script(peer):
            if peer.read() is not None:
                peer.answer(200)

        with ScriptedServer(then=script) as server:
            self.check_moments(server, 5e-4)

    @counts_references  # so that descriptors can be counted
    def test_at_any_moment_of_a_chunked_response(self):
        def script(peer):
            while peer.read() is not None:
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50 + b"0\r\n\r\n")

        # A ValueError that strikes while http.client takes a status line apart is dropped there for another one.
        kinds = [kind for kind in KINDS if kind is not ValueError]
        with ScriptedServer(then=script) as server:
            self.check_moments(server, 1e-3, kinds=kinds)

    @counts_references  # so that descriptors can be counted
    def test_at_any_moment_of_an_early_refusal(self):
        def script(peer):
            head = peer.read_head()
            if head is not None:
                peer.answer(401 if head.headers["content-length"] != "2" else 200)

        with ScriptedServer(then=script, receive_buffer=65536) as server:
            self.check_moments(server, 3e-3, b" " * 4000000, rounds=60)


def striking(strike, method):
    """Return a class of sockets that are struck when this method of theirs is called."""

    def struck(self, *args):
        strike()
        return getattr(socket.socket, method)(self, *args)

    return type("Struck", (socket.socket,), {method: struck})


@unittest.skipUnless(hasattr(signal, "pthread_kill"), "needs signals that are sent to a thread")
class StrikeTest(unittest.TestCase):
    """What strikes in the very call whose own errors are expected is not taken for one of them."""

    stream, pool = module("http.stream"), module("http.pool")

    @contextlib.contextmanager
    def strike(self, kind):
        with self.subTest(kind.__name__), Strike(kind("from the handler")) as strike:
            with self.assertRaises(kind) as caught:
                yield strike
            self.assertIs(caught.exception, strike.error)

    def begun(self, strike, method):
        """Return a stream on a socket that is struck in this method, and whose peer has sent something."""
        ours, theirs = socket.socketpair()
        ours = striking(strike, method)(fileno=ours.detach())
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        theirs.sendall(b"HTTP/1.1 200 OK")
        own = self.stream.Stream(ours)
        own.begin(module("runtime.clock").monotonic() + TIME_LIMIT, cancellation.Cancellation())
        return own

    def test_where_a_connection_is_looked_for(self):
        for method, act in (("pop", "acquire"), ("popleft", "drop")):
            with self.strike(IndexError) as strike:
                idle = type("Deque", (collections.deque,), {method: lambda self: strike()})
                with mock.patch.object(self.pool, "deque", idle):
                    pool = self.pool.Pool(1)
                pool.acquire() if act == "acquire" else pool.drop_idle_since(0)

    def test_where_a_connection_is_made(self):
        with self.strike(ConnectionRefusedError) as strike:
            with mock.patch.object(socket, "socket", striking(strike, "connect")):
                self.stream.connect("127.0.0.1", 1, math.inf, cancellation.Cancellation())

    def test_where_it_is_seen_whether_it_is_alive(self):
        for kind in (OSError, BlockingIOError):
            with self.strike(kind) as strike:
                self.begun(strike, "recv").is_alive()
            with self.strike(kind) as strike, mock.patch.object(self.stream, "_poll", strike):
                self.begun(strike, "send").is_alive()

    def test_where_it_is_written_to_and_read_from(self):
        for kind in (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, OSError):
            with self.strike(kind) as strike:
                self.begun(strike, "send").sendall(memoryview(b"request"))
            with self.strike(kind) as strike:
                self.begun(strike, "recv").receive()
            with self.strike(kind) as strike:
                self.begun(strike, "recv").sendall(memoryview(b"x" * 10000000))

    @unittest.skipUnless(hasattr(socket, "TCP_USER_TIMEOUT"), "needs TCP_USER_TIMEOUT")
    def test_where_a_limit_is_set(self):
        with self.strike(OSError) as strike:
            self.begun(strike, "setsockopt").limit_unacknowledged()

    def test_where_a_call_is_cancelled_or_waits(self):
        with self.strike(OSError) as strike, mock.patch.object(socket.socket, "shutdown", strike):
            call = cancellation.Cancellation()
            with contextlib.closing(socket.socket()) as sock:
                call.attach(sock)
                call.cancel()
        with self.strike(RuntimeError) as strike, mock.patch.object(threading, "Event") as event:
            event.return_value.wait = strike
            cancellation.Cancellation().wait(0)
