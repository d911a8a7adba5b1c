"""A socket that waits for what it was asked to wait for, until its deadline, and tells what came."""

import contextlib
import select
import socket
import ssl
import sys
import types
import unittest
from unittest import mock

try:
    import fcntl
    import resource
except ImportError:  # Windows
    fcntl = resource = None

from tests.helpers.library import TIME_LIMIT, module
from tests.helpers.servers import ScriptedServer, client_context, resolving_to, server_context

cancellation = module("http.cancellation")
clock = module("runtime.clock")
stream = module("http.stream")

RESPONSE = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


def without_poll():
    """Return a context manager in which there is only select, as on Windows."""
    return mock.patch.object(stream, "select", types.SimpleNamespace(select=select.select))


class StreamTest(unittest.TestCase):
    def pair(self, kind=socket.socket):
        """Return a stream, the socket of its peer, and the cancellation of the exchange that it has begun."""
        ours, theirs = socket.socketpair()
        ours = kind(fileno=ours.detach())
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        return self.begun(ours), theirs

    def begun(self, sock):
        own = stream.Stream(sock)
        own.begin(clock.monotonic() + TIME_LIMIT, cancellation.Cancellation())
        return own

    @contextlib.contextmanager
    def connected(self, server, context=None):
        deadline, call = clock.monotonic() + TIME_LIMIT, cancellation.Cancellation()
        sock = stream.connect(server.host, server.port, deadline, call)
        if context is not None:
            sock = stream.start_tls(sock, context, server.host, deadline, call)
        with contextlib.closing(sock):
            yield sock


class ConnectTest(StreamTest):
    def test_what_is_written_leaves_at_once(self):
        with ScriptedServer() as server, self.connected(server) as sock:
            self.assertNotEqual(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0)

    def test_an_address_that_fails_leaves_no_socket_open_nor_to_be_shut_down(self):
        made = []

        class Noted(socket.socket):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                made.append(self)

        class Refusing(Noted):
            def connect(self, _):
                raise error

        addresses = resolving_to(("127.0.0.1", 1), ("127.0.0.2", 1))
        for error, tried in ((ConnectionRefusedError(111, "Connection refused"), 2), (KeyboardInterrupt(), 1)):
            call, deadline = cancellation.Cancellation(), clock.monotonic() + TIME_LIMIT
            with self.subTest(error), addresses, mock.patch.object(socket, "socket", Refusing):
                with self.assertRaises(type(error)):
                    stream.connect("host.example", 1, deadline, call)
            self.assertEqual(([sock.fileno() for sock in made], call._sockets), ([-1] * tried, set()))
            made.clear()

    def test_a_call_that_was_cancelled_opens_no_connection(self):
        call = cancellation.Cancellation()
        call.cancel()
        with ScriptedServer() as server, self.assertRaises(cancellation.Cancelled):
            stream.connect(server.host, server.port, clock.monotonic() + TIME_LIMIT, call)
        self.assertEqual((call._sockets, server.connections), (set(), 0))

    def test_a_handshake_that_fails_leaves_no_socket_open_nor_to_be_shut_down(self):
        call, deadline = cancellation.Cancellation(), clock.monotonic() + TIME_LIMIT
        context, made = client_context(), []
        wrap = context.wrap_socket

        def noting(*args, **kwargs):
            made.append(wrap(*args, **kwargs))
            return made[-1]

        with ScriptedServer(lambda peer: peer.send(b"220 ready\r\n")) as server:
            sock = stream.connect(server.host, server.port, deadline, call)
            with mock.patch.object(context, "wrap_socket", noting), self.assertRaises(OSError):
                stream.start_tls(sock, context, server.host, deadline, call)
        self.assertEqual((made[0].fileno(), sock.fileno(), call._sockets), (-1, -1, set()))

    def test_a_socket_that_cannot_be_wrapped_is_closed(self):
        call = cancellation.Cancellation()
        ours, theirs = socket.socketpair()
        call.attach(ours)
        context = mock.Mock()
        context.wrap_socket.side_effect = ValueError("server_hostname cannot be an empty string")
        with contextlib.closing(theirs), self.assertRaises(ValueError):
            stream.start_tls(ours, context, "", clock.monotonic() + TIME_LIMIT, call)
        self.assertEqual((ours.fileno(), call._sockets), (-1, set()))


class TimeTest(unittest.TestCase):
    def test_the_time_left_is_one_that_every_call_takes(self):
        with mock.patch.object(stream, "monotonic", lambda: 100.0):
            for deadline, left in ((100.5, 0.5), (3700.0, 3600.0), (1e300, 3600.0), (float("inf"), 3600.0)):
                self.assertEqual(stream.time_left(deadline), left)
            for deadline in (100.0, 99.0):
                with self.assertRaises(socket.timeout):
                    stream.time_left(deadline)

    def test_a_wait_longer_than_an_hour_goes_on_after_an_hour(self):
        now, waits = 0.0, []

        def poll(sock, reading, writing, seconds):
            nonlocal now
            waits.append(seconds)
            now += seconds
            return False, False

        patches = mock.patch.multiple(stream, monotonic=lambda: now, _poll=poll)
        with contextlib.closing(socket.socket()) as sock, patches:
            own = stream.Stream(sock)
            own.begin(9000.0, cancellation.Cancellation())
            with self.assertRaises(socket.timeout):
                own.receive()
        self.assertEqual(waits, [3600.0, 3600.0, 1800.0])


class ReceiveTest(StreamTest):
    def test_what_came_before_the_end_is_told_from_the_end(self):
        own, peer = self.pair()
        self.assertEqual((own.has_received, own.has_ended), (False, False))
        peer.sendall(b"x")
        self.assertEqual((own.receive(), own.has_received, own.has_ended), (b"x", True, False))
        peer.close()
        self.assertEqual((own.receive(), own.has_received, own.has_ended), (b"", True, True))

    def test_of_what_came_before_an_exchange_began_nothing_is_left(self):
        own, peer = self.pair()
        peer.sendall(RESPONSE)
        self.assertTrue(own._has_early_response())
        own.begin(clock.monotonic() + TIME_LIMIT, cancellation.Cancellation())
        peer.sendall(b"new")
        self.assertEqual((own.receive(), own.has_received), (b"new", True))

    def test_what_tls_has_decrypted_already_is_not_waited_for(self):
        def script(peer):
            peer.send(b"0123456789")
            peer.server.finished.wait()

        with ScriptedServer(script, ssl_context=server_context()) as server:
            with self.connected(server, client_context()) as sock:
                own = self.begun(sock)
                self.assertEqual([own.receive(5), own.receive(5)], [b"01234", b"56789"])

    def test_a_connection_is_alive_until_its_peer_says_anything(self):
        own, peer = self.pair()
        self.assertTrue(own.is_alive())
        peer.sendall(b"x")
        self.assertFalse(own.is_alive())
        own, peer = self.pair()
        peer.close()
        self.assertFalse(own.is_alive())


    def test_to_look_whether_a_connection_is_alive_takes_no_time(self):
        own, _ = self.pair()
        with mock.patch.object(stream, "_poll", return_value=(False, False)) as poll:
            self.assertTrue(own.is_alive())
        self.assertEqual(poll.call_args[0][-1], 0)

    def test_a_connection_that_was_reset_is_not_alive(self):
        class Reset(socket.socket):
            def recv(self, _):
                raise ConnectionResetError

        own, peer = self.pair(Reset)
        peer.close()
        self.assertFalse(own.is_alive())


class DirectionTest(StreamTest):
    """Under TLS a read may have to wait until something can be written, and a write for something to read."""

    def waits(self, act, *results):
        """Return what is waited for, as (reading, writing), while a socket's send and recv come to these results."""

        def step(_):
            result = remaining.pop(0)
            if isinstance(result, Exception):
                raise result
            return result

        remaining = list(results)
        own, _ = self.pair(type("Scripted", (socket.socket,), {"send": lambda self, data: step(data)}))
        own.socket.__class__.recv = lambda self, size: step(size)
        with mock.patch.object(own, "_wait", return_value=(False, True)) as wait:
            act(own)
        self.assertEqual(remaining, [])
        return [call[0] for call in wait.call_args_list]

    def test_a_read_waits_for_what_it_needs(self):
        wants = (ssl.SSLWantReadError(), ssl.SSLWantWriteError(), ssl.SSLWantReadError(), b"x")
        waits = self.waits(lambda own: self.assertEqual(own.receive(), b"x"), *wants)
        self.assertEqual(waits, [(True, False), (True, False), (False, True), (True, False)])

    def test_a_write_waits_for_what_it_needs_and_always_for_an_early_response(self):
        wants = (ssl.SSLWantWriteError(), ssl.SSLWantReadError(), BlockingIOError(), 3, 4)
        waits = self.waits(lambda own: own.sendall(memoryview(b"request")), *wants)
        self.assertEqual(waits, [(True, True), (True, False), (True, True), (True, True)])


class SendTest(StreamTest):
    def test_a_response_that_came_before_the_write_failed_is_read(self):
        class Broken(socket.socket):
            def send(self, _):
                raise BrokenPipeError(32, "Broken pipe")

        own, peer = self.pair(Broken)
        peer.sendall(RESPONSE)
        own.sendall(memoryview(b"request"))
        self.assertEqual((own.is_cut_short, own.has_received), (True, True))
        self.assertEqual(own.receive(12) + own.receive(), RESPONSE)

        own, _ = self.pair(Broken)
        with self.assertRaises(BrokenPipeError):
            own.sendall(memoryview(b"request"))
        self.assertFalse(own.is_cut_short)

    def test_a_write_that_failed_is_an_error_where_nothing_can_be_read_either(self):
        class Dead(socket.socket):
            def send(self, _):
                raise BrokenPipeError(32, "Broken pipe")

            def recv(self, _):
                raise ConnectionResetError(104, "Connection reset by peer")

        own, _ = self.pair(Dead)
        with self.assertRaises(BrokenPipeError):
            own.sendall(memoryview(b"request"))
        self.assertEqual((own.is_cut_short, own.has_received), (False, False))

    def test_of_a_large_body_the_rest_is_kept_back_once_the_peer_says_no_more(self):
        own, peer = self.pair()
        peer.shutdown(socket.SHUT_WR)
        own.sendall(memoryview(b"x" * 10000000))
        self.assertEqual((own.is_cut_short, own.has_received, own.receive()), (True, False, b""))

    def test_of_a_large_body_the_rest_is_kept_back_once_there_is_a_response(self):
        own, peer = self.pair()
        peer.sendall(RESPONSE)
        own.sendall(memoryview(b"x" * 10000000))
        self.assertTrue(own.is_cut_short)
        self.assertEqual(own.receive(), RESPONSE)

    def test_a_body_that_the_peer_reads_is_written_whole(self):
        own, peer = self.pair()
        own.sendall(memoryview(b"request"))
        self.assertFalse(own.is_cut_short)
        self.assertEqual(peer.recv(100), b"request")

    def test_a_body_that_goes_out_in_pieces_is_written_whole(self):
        class Slow(socket.socket):
            def send(self, data):
                return super().send(data[:3])

        own, peer = self.pair(Slow)
        own.sendall(memoryview(b"a request"))
        self.assertFalse(own.is_cut_short)
        self.assertEqual(peer.recv(100), b"a request")


@unittest.skipUnless(hasattr(socket, "TCP_USER_TIMEOUT") and sys.platform == "linux", "needs TCP_USER_TIMEOUT")
class LimitTest(StreamTest):
    """How soon a peer must acknowledge what it is sent on a connection that was idle."""

    def limits(self, *left):
        """Return the milliseconds that the kernel is asked for, on one socket, while so many seconds are left."""
        limits = []

        class Noting(socket.socket):
            def setsockopt(self, *args):
                limits.append(args[-1])

        own, _ = self.pair(Noting)
        with mock.patch.object(stream, "monotonic", lambda: 100.0):
            for seconds in left:
                own.begin(100.0 + seconds, cancellation.Cancellation())
                own.limit_unacknowledged()
        return limits

    def test_it_is_half_of_what_is_left_and_never_nothing_which_would_be_no_limit(self):
        self.assertEqual(self.limits(0.0001, 0.001, 0.004, 6, 60), [1, 1, 2, 3000, 5000])

    def test_it_is_set_once(self):
        self.assertEqual(self.limits(60, 50, 40), [5000])

    def test_it_is_taken_off_where_the_peer_has_acknowledged_all(self):
        with ScriptedServer() as server, self.connected(server) as sock:
            own = self.begun(sock)
            own.limit_unacknowledged()
            self.assertGreater(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT), 0)
            own._allow_full_window()
            self.assertEqual(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT), 0)

    def test_half_way_it_is_looked_whether_the_peer_is_there_and_only_has_no_room(self):
        for left, limit in ((60, 5.0), (2, 1.0)):
            own, _ = self.pair(type("Agreeing", (socket.socket,), {"setsockopt": lambda self, *args: None}))
            poll = mock.Mock(return_value=(True, False))
            with mock.patch.multiple(stream, monotonic=lambda: 100.0, _poll=poll):
                own.begin(100.0 + left, cancellation.Cancellation())
                own.limit_unacknowledged()
                own._wait(True, False)
            self.assertEqual(poll.call_args[0][-1], limit / 2)

    def test_where_the_kernel_refuses_it_no_wait_is_cut_up_for_it(self):
        class Refusing(socket.socket):
            def setsockopt(self, *_):
                raise OSError(92, "Protocol not available")

        own, _ = self.pair(Refusing)
        own.limit_unacknowledged()
        with mock.patch.object(stream, "_poll", return_value=(True, False)) as poll:
            own._wait(True, False)
        self.assertGreater(poll.call_args[0][-1], TIME_LIMIT / 2)


class PollTest(StreamTest):
    """What is waited for, by poll and where there is none by select."""

    def check(self, expected, sock, reading, writing):
        self.assertEqual(stream._poll(sock, reading, writing, 0), expected)
        with without_poll():
            self.assertEqual(stream._poll(sock, reading, writing, 0), expected)

    def test_only_what_was_asked_for_is_told(self):
        own, peer = self.pair()
        self.check((False, False), own.socket, True, False)
        self.check((False, True), own.socket, True, True)
        peer.sendall(b"x")
        self.check((True, False), own.socket, True, False)
        self.check((True, True), own.socket, True, True)
        self.check((False, True), own.socket, False, True)
        with contextlib.suppress(BlockingIOError):
            while True:
                own.socket.send(b"x" * 65536)
        self.check((True, False), own.socket, True, True)
        self.check((False, False), own.socket, False, True)

    def test_a_connection_that_failed_is_ready_for_whatever_was_asked(self):
        own, peer = self.pair()
        peer.close()
        for reading, writing in ((True, False), (False, True)):
            self.assertIn(True, stream._poll(own.socket, reading, writing, 0))

    @unittest.skipUnless(hasattr(select, "poll"), "needs poll")
    def test_poll_is_told_milliseconds(self):
        with contextlib.closing(socket.socket()) as sock, mock.patch.object(select, "poll") as poll:
            poll.return_value.poll.return_value = []
            self.assertEqual(stream._poll(sock, True, False, 1.5), (False, False))
        poll.return_value.poll.assert_called_once_with(1500)

    def test_without_poll_a_send_works_and_ends_in_time(self):
        with without_poll():
            own, peer = self.pair()
            peer.sendall(RESPONSE)
            own.sendall(memoryview(b"x" * 10000000))
            self.assertEqual((own.is_cut_short, own.receive()), (True, RESPONSE))
            own.begin(clock.monotonic() + 0.01, cancellation.Cancellation())
            with self.assertRaises(socket.timeout):
                own.receive()

    @unittest.skipUnless(fcntl and hasattr(select, "poll"), "needs poll")
    def test_a_descriptor_beyond_those_of_select_is_waited_for(self):
        number = 1500
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= number + 100:
            self.skipTest("needs more descriptors")
        ours, theirs = socket.socketpair()
        with contextlib.closing(ours), contextlib.closing(theirs):
            high = socket.socket(fileno=fcntl.fcntl(ours, fcntl.F_DUPFD, number))
        self.addCleanup(high.close)
        self.assertEqual(self.begun(high).receive(), b"")
