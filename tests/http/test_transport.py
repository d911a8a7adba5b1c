"""An attempt is bounded in time and size, and only a whole answer of the server itself is believed."""

import contextlib
import functools
import json
import os
import socket
import threading
import time
import traceback
import unittest
import urllib.request
from unittest import mock

from tests.helpers.library import NAME, TIME_LIMIT, inngest, module
from tests.helpers.processes import run_program
from tests.helpers.servers import (
    EVENT,
    KEY,
    LARGE,
    SMALL_BUFFER,
    ScriptedServer,
    answering,
    client_context,
    client_for,
    failure_of,
    needs_localhost,
    resolving_to,
    server_context,
    silent,
    without_delays,
)
from tests.helpers.waiting import SkippedWaits

clock = module("runtime.clock")

SUCCESS = b'{"ids":["ID"],"status":200}'
WITHOUT_IDNA = """
import importlib, sys
inngest = importlib.import_module(sys.argv[1])
with inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2]) as client:
    client.send_sync(inngest.Event(name="test/event"))
print("encodings.idna" in sys.modules)
"""


def dripping(beginning=b"", drop=b"x"):
    """Return a script that answers a byte a second, for longer than anybody waits; see SkippedWaits."""

    def script(peer):
        peer.read()
        peer.is_slow(1)
        peer.send(beginning)
        for _ in range(500):
            peer.server.finished.wait(0.001)
            peer.send(drop)

    return script


def sending(*pieces):
    """Return a script that reads a request, sends these bytes, and closes the connection."""

    def script(peer):
        peer.read()
        peer.send(b"".join(pieces))

    return script


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def refused_address():
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()


@contextlib.contextmanager
def silent_address():
    """Yield an address that does not answer: its queue of connections is full, and nobody accepts them."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()


class TimeTest(unittest.TestCase):
    def check_times_out(self, server, event=EVENT, **options):
        with SkippedWaits(server), client_for(server, max_attempts=1, **options) as client:
            begin = clock.monotonic()
            error = failure_of(client, event)
            elapsed = clock.monotonic() - begin
        self.assertIn("timed out after 30 s", str(error))
        self.check_error(error)
        self.assertAlmostEqual(elapsed, 30)
        return error

    def check_times_out_in_real_time(self, server, **options):
        """Check it where what waits is not in the library's hands."""
        with client_for(server, request_timeout=100, max_attempts=1, **options) as client:
            begin = time.monotonic()
            error = failure_of(client)
            elapsed = time.monotonic() - begin
        self.assertIn("timed out after 100 ms", str(error))
        self.check_error(error)
        self.assertTrue(0.09 < elapsed < TIME_LIMIT, elapsed)
        return error

    def check_error(self, error):
        self.assertTrue(error.is_retriable)
        self.assertIsInstance(error.__cause__, socket.timeout)

    def test_an_attempt_ends_in_time_whatever_the_server_does(self):
        scripts = {
            "silent": silent,
            "silent after the request": lambda peer: (peer.read(), silent(peer)),
            "drips a status line": dripping(b"HTTP/1.1 200 "),
            "drips a header": dripping(b"HTTP/1.1 200 OK\r\nX: "),
            "drips headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n"),
            "drips a body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
            "drips a body without a length": dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
            "drips chunks": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(b"x")),
            "drips interim answers": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        }
        for case, script in scripts.items():
            with self.subTest(case), ScriptedServer(script) as server:
                self.assertTrue(self.check_times_out(server).maybe_delivered)

    def test_an_attempt_ends_in_time_when_the_server_does_not_read_a_large_body(self):
        with ScriptedServer(silent, receive_buffer=SMALL_BUFFER) as server:
            self.check_times_out(server, LARGE)

    def test_an_attempt_ends_in_time_over_tls(self):
        for script in (silent, dripping(b"HTTP/1.1 200 OK\r\nX: ")):
            with self.subTest(script.__name__), ScriptedServer(script, ssl_context=server_context()) as server:
                self.check_times_out(server, ssl_context=client_context())

    def test_connecting_is_part_of_the_time_and_nothing_was_sent(self):
        with silent_address() as address, mock.patch("socket.getaddrinfo"):
            with resolving_to(address), ScriptedServer() as server:
                error = self.check_times_out_in_real_time(server)
        self.assertFalse(error.maybe_delivered)
        self.assertIn("cannot connect to", str(error))

    def test_the_tls_handshake_is_part_of_the_time_and_nothing_was_sent(self):
        with ScriptedServer(silent) as server:
            url = server.url.replace("http:", "https:")
            options = {"ssl_context": client_context(), "event_api_base_url": url}
            error = self.check_times_out_in_real_time(server, **options)
        self.assertFalse(error.maybe_delivered)

    def test_the_time_left_is_shared_among_the_addresses_not_yet_tried(self):
        now = 0.0
        limits = []

        class Socket(socket.socket):
            def connect(self, address):
                limits.append(self.gettimeout())
                if address == silent_one:
                    nonlocal now
                    now += self.gettimeout()
                    raise socket.timeout("timed out")
                super().connect(address)

        silent_one = ("127.0.0.2", 1)
        stream, cancellation = module("http.stream"), module("http.cancellation").Cancellation()
        with ScriptedServer() as server, resolving_to(silent_one, silent_one, (server.host, server.port)):
            with mock.patch.object(socket, "socket", Socket), mock.patch.object(stream, "monotonic", lambda: now):
                stream.connect("host.example", 1, 60.0, cancellation).close()
        self.assertEqual(limits, [20.0, 20.0, 20.0])

    def test_an_address_that_refuses_is_passed_over(self):
        with ScriptedServer() as server:
            with resolving_to(refused_address(), (server.host, server.port)), client_for(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)


class AnswerTest(unittest.TestCase):
    def test_interim_answers_are_passed_over(self):
        final = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n" + SUCCESS
        for interim in (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 102 Processing\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
        ):
            with self.subTest(interim), ScriptedServer(sending(interim, interim, final)) as server:
                with client_for(server, max_attempts=1) as client:
                    self.assertEqual(client.send_sync(EVENT), ["ID"])

    def test_interim_answers_do_not_end_the_writing_of_a_large_body(self):
        def script(peer):
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
            peer.accept(peer.read())

        with ScriptedServer(script, receive_buffer=SMALL_BUFFER) as server:
            with client_for(server, max_attempts=1) as client:
                self.assertEqual(len(client.send_sync(LARGE)), 2)
        self.assertEqual(server.requests[0].events[1]["data"], LARGE[1].data)

    def test_of_any_number_of_interim_answers_while_a_body_is_written_little_is_kept(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            sock, (peer, _) = socket.create_connection(listener.getsockname()), listener.accept()
        with contextlib.closing(peer), contextlib.closing(sock):
            stream = module("http.stream").Stream(sock)
            stream.begin(clock.monotonic() + TIME_LIMIT, module("http.cancellation").Cancellation())
            for flood in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 with a head that never ends "):
                for _ in range(16):
                    peer.sendall(flood * (65536 // len(flood)))
                with self.subTest(flood):
                    is_response = any(stream._has_early_response() for _ in range(32))
                    self.assertEqual((is_response, stream.has_received), (b"ends" in flood, True))
                    self.assertLess(len(stream._received), 2**18)

    def test_a_chunked_answer_is_put_together(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"".join(chunk(SUCCESS[index : index + 5]) for index in range(0, len(SUCCESS), 5)) + b"0\r\n\r\n"
        with ScriptedServer(sending(head, body)) as server, client_for(server, max_attempts=1) as client:
            self.assertEqual(client.send_sync(EVENT), ["ID"])

    def test_an_answer_cut_short_is_a_network_error_even_if_what_came_reads_as_success(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        cases = {
            "by its length": b"HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n" + SUCCESS,
            "by a length over the limit": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + SUCCESS,
            "without the last chunk": chunked + chunk(SUCCESS),
            "in a chunk": chunked + chunk(SUCCESS + b" " * 100)[:-50],
            "in a chunk's size": chunked + chunk(SUCCESS) + b"5",
        }
        for case, answer in cases.items():
            with self.subTest(case), without_delays(), ScriptedServer(then=sending(answer)) as server:
                with client_for(server, max_attempts=2) as client:
                    error = failure_of(client)
                self.assertEqual((error.ids, error.attempts, len(server.requests)), ([], 2, 2))
                self.assertTrue(error.is_retriable and error.maybe_delivered)
                self.assertIn("the response was cut short", str(error))

    def test_a_refusal_is_one_though_its_text_is_cut_off(self):
        def script(peer):
            peer.read()
            peer.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n<html>")

        with ScriptedServer(then=script) as server, client_for(server) as client:
            error = failure_of(client)
        self.assertEqual((error.status, error.attempts, error.maybe_delivered), (401, 1, False), error)

    def test_only_a_refusal_counts_whose_text_is_cut_off_and_lists_no_events(self):
        for status, counts in ((200, False), (399, False), (400, False), (401, True), (499, True), (500, False)):
            answer = f"HTTP/1.1 {status} Reason\r\nContent-Length: 100\r\n\r\n<html>".encode()
            with self.subTest(status), ScriptedServer(sending(answer)) as server:
                with client_for(server, max_attempts=1) as client:
                    error = failure_of(client)
                self.assertEqual(error.status, status if counts else None)
                self.assertEqual("the response was cut short" in str(error), not counts)
                if counts:  # and nothing is quoted of half a text
                    self.assertRegex(str(error), rf"accepted: HTTP {status}(; the event key .*)? \(POST to")

    def test_an_answer_that_ends_in_its_head_is_a_network_error(self):
        for answer in (
            b"",
            b"HTTP/1.1 200",
            b"HTTP/1.1 503 Busy\r\n",
            b"HTTP/1.1 401 No\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n",
        ):
            with self.subTest(answer), ScriptedServer(sending(answer)) as server:
                with client_for(server, max_attempts=1) as client:
                    error = failure_of(client)
                self.assertTrue(error.is_retriable and error.maybe_delivered)

    def test_an_answer_is_read_up_to_a_limit_and_no_further(self):
        self.assertEqual(module("http.response").MAX_RESPONSE_SIZE, 16 * 1024 * 1024)
        block = b" " * 65536
        cases = {
            "with a length": (b"Content-Length: 99999999999\r\n\r\n", block),
            "in chunks": (b"Transfer-Encoding: chunked\r\n\r\n", chunk(block)),
            "until the stream ends": (b"\r\n", block),
        }
        for case, (head, block) in cases.items():
            with self.subTest(case):
                count = []

                def endless(peer):
                    peer.read()
                    peer.send(b"HTTP/1.1 200 OK\r\n" + head)
                    while True:
                        peer.send(block)
                        count.append(len(block))

                with mock.patch.object(module("http.response"), "MAX_RESPONSE_SIZE", 1000000):
                    with ScriptedServer(endless) as server, client_for(server) as client:
                        error = failure_of(client)
                self.assertFalse(error.is_retriable)
                self.assertEqual(server.connections, 1)
                self.assertLess(sum(count), 16 * 1024 * 1024)  # what the buffers of two sockets take at most

    def test_an_answer_of_just_the_limit_is_believed(self):
        with mock.patch.object(module("http.response"), "MAX_RESPONSE_SIZE", len(SUCCESS)):
            with ScriptedServer(answering(200, SUCCESS)) as server, client_for(server) as client:
                self.assertEqual(client.send_sync(EVENT) + client.send_sync(EVENT), ["ID", "ID"])

    def test_no_compression_is_asked_for(self):
        with ScriptedServer() as server, client_for(server) as client:
            client.send_sync(EVENT)
        self.assertIn(server.requests[0].headers.get("accept-encoding", "identity"), ("identity", ""))
        self.assertNotIn("content-encoding", server.requests[0].headers)


class EarlyAnswerTest(unittest.TestCase):
    """A server may refuse a large body before it has read it, and close: its answer counts, in every round."""

    def check(self, script, **options):
        with ScriptedServer(then=script, receive_buffer=SMALL_BUFFER, **options) as server:
            with client_for(server, ssl_context=client_context(), max_attempts=1) as client:
                for round in range(20):
                    error = failure_of(client, LARGE)
                    self.assertEqual(error.status, 401, f"round {round}: {error}")
                    self.assertIn("Event key not found", str(error))
                    self.assertFalse(error.maybe_delivered)
        self.assertEqual(server.connections, 20)

    @staticmethod
    def refuse(peer):
        peer.answer(401, {"status": 401, "error": "Event key not found"})

    @staticmethod
    def refuse_after_the_head(peer):
        peer.read_head()
        peer.answer(401, {"status": 401, "error": "Event key not found"}, {"Connection": "close"})

    def test_at_once(self):
        self.check(self.refuse)

    def test_at_once_over_tls(self):
        self.check(self.refuse, ssl_context=server_context())

    def test_after_the_head(self):
        self.check(self.refuse_after_the_head)

    def test_after_the_head_over_tls(self):
        self.check(self.refuse_after_the_head, ssl_context=server_context())

    def test_the_connection_is_not_used_again_even_if_the_server_leaves_it_open(self):
        def script(peer):
            self.refuse(peer)
            peer.server.finished.wait()

        with ScriptedServer(script, receive_buffer=SMALL_BUFFER) as server:
            with client_for(server, max_attempts=1) as client:
                self.assertEqual(failure_of(client, LARGE).status, 401)
                client.send_sync(EVENT)
        self.assertEqual(server.connections, 2)

    def test_a_connection_is_used_again_only_where_a_server_that_had_not_read_the_body_would_have_drained_it(self):
        for size, status, connections in (
            (2**18, 401, 1),
            (2**18 + 1, 400, 2),
            (2**18 + 1, 401, 2),
            (2**18 + 1, 413, 2),
            (2**18 + 1, 499, 2),
            (2**18 + 1, 500, 1),
            (2**18 + 1, 503, 1),
        ):
            with self.subTest(size=size, status=status), ScriptedServer(then=answering(status)) as server:
                client = module("http.transport").Transport(f"{server.url}e/key")
                with contextlib.closing(client):
                    for _ in range(2):
                        cancellation = module("http.cancellation").Cancellation()
                        exchange = client.post(b" " * size, {}, timeout=TIME_LIMIT, cancellation=cancellation)
                        self.assertEqual(exchange.response.status, status)
                self.assertEqual(server.connections, connections)


class PostTest(unittest.TestCase):
    """What the transport itself promises, to whoever posts by it."""

    def post(self, client, body=b"[]", call=None, **options):
        call = call or module("http.cancellation").Cancellation()
        return client.post(body, {}, timeout=TIME_LIMIT, cancellation=call, **options)

    @contextlib.contextmanager
    def transport(self, server, **options):
        """Yield a transport, and the connections that it opens, which are held, so that none closes by being lost."""
        opened = []
        transport = module("http.transport")
        open_connection = transport.open_connection

        def held(*args):
            opened.append(open_connection(*args))
            return opened[-1]

        with mock.patch.object(transport, "open_connection", held):
            with contextlib.closing(transport.Transport(f"{server.url}e/key", **options)) as client:
                yield client, opened

    def is_closed(self, connection):
        return connection._stream.socket.fileno() == -1

    def test_a_call_that_was_cancelled_before_sends_nothing_and_is_not_worth_another_try(self):
        call = module("http.cancellation").Cancellation()
        call.cancel()
        with ScriptedServer() as server, self.transport(server) as (client, _):
            exchange = self.post(client, call=call)
        self.assertEqual((exchange.problem.rpartition(": ")[2], exchange.response), ("cancelled", None))
        self.assertEqual((exchange.is_retriable, exchange.may_have_arrived), (False, False))
        self.assertEqual(server.requests, [])

    def test_what_fails_or_is_refused_closes_its_connection_itself(self):
        for script, size in ((lambda peer: peer.read(), 2), (answering(401), 2**18 + 1)):
            with self.subTest(size=size), ScriptedServer(script) as server, self.transport(server) as (client, opened):
                self.post(client, b" " * size)
                self.assertEqual([self.is_closed(connection) for connection in opened], [True])

    def test_what_fails_on_a_connection_that_was_idle_is_told_as_it_is(self):
        def script(peer):
            peer.accept(peer.read())
            peer.read()
            peer.send(b"?\r\n")

        with ScriptedServer(script) as server, self.transport(server) as (client, _):
            self.post(client)
            self.assertEqual(self.post(client).problem, f"the response is not HTTP (POST to {server.url[:-1]})")

    def test_to_close_it_closes_what_is_idle(self):
        with ScriptedServer() as server, self.transport(server) as (client, opened):
            self.post(client)
            self.assertFalse(self.is_closed(opened[0]))
            client.close()
            self.assertTrue(self.is_closed(opened[0]))

    def test_when_an_idle_connection_turns_out_dead_the_others_are_dropped(self):
        def script(peer):
            peer.accept(peer.read())
            peer.read()

        with ScriptedServer(script) as server, self.transport(server) as (client, opened):
            self.post(client)
            with mock.patch.object(client._pool, "acquire", return_value=None):
                self.post(client)
            first, second = opened
            client._pool._idle().rotate()  # the first one, which its server ends at the next request, is on top
            exchange = self.post(client)
            self.assertEqual((exchange.resent, exchange.response.status, len(opened)), (True, 200, 3))
            self.assertTrue(self.is_closed(first) and self.is_closed(second))

    def test_no_more_are_kept_idle_than_it_was_told(self):
        everyone_is_here = threading.Barrier(3)

        def script(peer):
            peer.read()
            everyone_is_here.wait(TIME_LIMIT)
            peer.answer(200)
            peer.server.finished.wait()

        with ScriptedServer(then=script) as server, self.transport(server, max_idle=2) as (client, opened):
            threads = [threading.Thread(target=self.post, args=(client,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(self.is_closed(connection) for connection in opened), [False, False, True])


class NotFollowedTest(unittest.TestCase):
    def test_a_redirect_is_not_followed(self):
        with ScriptedServer() as elsewhere:
            for status in (301, 302, 303, 307, 308):
                script = answering(status, headers={"Location": elsewhere.url + "secret/path?query"})
                with self.subTest(status=status), ScriptedServer(script) as server:
                    with client_for(server) as client:
                        error = failure_of(client)
                    self.assertEqual((error.status, error.attempts, len(server.requests)), (status, 1, 1))
                    self.assertFalse(error.is_retriable or error.maybe_delivered)
                    self.assertIn(f"HTTP {status}", str(error))
                    self.assertIn(elsewhere.url.rstrip("/"), str(error))
                    self.assertNotIn("secret", str(error))
        self.assertEqual(elsewhere.connections, 0)

    def test_a_redirect_to_anywhere_is_told_in_words_and_shows_no_path_and_no_password(self):
        for location in (
            "/secret/path",
            "secret",
            "",
            "//user:secret@host/secret",
            "https://user:secret@host:99999/secret",
            "http://[bad/secret",
            "http://host]/secret",
            "\u00e9\u2028".encode("utf-8").decode("latin-1"),
        ):
            with self.subTest(location), ScriptedServer(answering(302, headers={"Location": location})) as server:
                with client_for(server) as client:
                    error = failure_of(client)
                self.assertEqual((error.status, error.attempts), (302, 1))
                self.assertNotIn("secret", str(error))

    def test_a_web_page_is_no_success(self):
        page = b"<!DOCTYPE html><title>Inngest</title>"
        script = answering(200, page, {"Content-Type": "text/html; charset=utf-8"})
        with ScriptedServer(script) as server, client_for(server) as client:
            error = failure_of(client)
        self.assertEqual((error.status, error.is_retriable, len(server.requests)), (200, False, 1))
        self.assertIn("not a response of the Event API", str(error))

    def test_what_is_not_http_is_a_network_error(self):
        with without_delays(), ScriptedServer(then=sending(b"SSH-2.0-OpenSSH_9.6\r\n")) as server:
            with client_for(server, max_attempts=2) as client:
                error = failure_of(client)
        self.assertEqual((error.attempts, error.status, error.is_retriable), (2, None, True))
        self.assertIn("the response is not HTTP", str(error))


class UnreachableTest(unittest.TestCase):
    def test_a_reset_is_retried_and_may_have_been_delivered(self):
        with without_delays(), ScriptedServer(then=lambda peer: (peer.read(), peer.reset())) as server:
            with client_for(server, max_attempts=2) as client:
                error = failure_of(client)
        self.assertEqual((error.attempts, len(server.requests), error.maybe_delivered), (2, 2, True))
        self.assertIsInstance(error.__cause__, ConnectionResetError)
        self.assertIsNone(error.__cause__.__traceback__)  # whose frames hold the body
        self.assertIsNone(error.__cause__.__context__)

    def test_a_refused_connection_is_retried_and_was_not_delivered(self):
        host, port = refused_address()
        url = f"http://{host}:{port}/"
        with without_delays(), ScriptedServer() as server, client_for(server, event_api_base_url=url) as client:
            error = failure_of(client)
        self.assertEqual((error.attempts, error.maybe_delivered, error.is_retriable), (5, False, True))
        self.assertIsInstance(error.__cause__, ConnectionRefusedError)
        self.assertIn(f"cannot connect to {url[7:-1]}: Connection refused", str(error))

    def test_a_host_with_no_address_at_all_is_told_so(self):
        with resolving_to(), ScriptedServer() as server, client_for(server, max_attempts=1) as client:
            self.assertIn(
                f"cannot connect to 127.0.0.1:{server.port}: the host has no address", str(failure_of(client))
            )

    def test_a_host_without_an_address_is_retried_and_was_not_delivered(self):
        unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        with without_delays(), mock.patch("socket.getaddrinfo", side_effect=unknown), ScriptedServer() as server:
            with client_for(server, event_api_base_url="http://no-such-host.example/") as client:
                error = failure_of(client)
        self.assertEqual((error.attempts, error.maybe_delivered, error.is_retriable), (5, False, True))
        self.assertIs(error.__cause__, unknown)
        self.assertIn("cannot connect to no-such-host.example: Name or service not known", str(error))


class LookUpTest(unittest.TestCase):
    """A program may put something of its own in the place of socket.getaddrinfo, and of sockets."""

    def test_a_port_that_is_not_named_is_that_of_the_scheme(self):
        for url, port in (
            ("http://host.example/", 80),
            ("https://host.example/", 443),
            ("https://host.example:80/", 80),
        ):
            options = {"event_api_base_url": url, "ssl_context": client_context(), "max_attempts": 1}
            with self.subTest(url), ScriptedServer() as server, client_for(server, **options) as client:
                with mock.patch("socket.getaddrinfo", return_value=[]) as look_up:
                    failure_of(client)
            self.assertEqual(look_up.call_args[0][:2], ("host.example", port))

    def test_a_replaced_one_gets_the_host_as_a_str(self):
        hosts = []
        own = socket.getaddrinfo

        @functools.wraps(own)
        def mapping(host, *args, **kwargs):
            hosts.append(host)
            return own("127.0.0.1", *args, **kwargs)

        with ScriptedServer() as server, mock.patch("socket.getaddrinfo", mapping):
            with client_for(server, event_api_base_url=f"http://mapped.example:{server.port}/") as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual((hosts, type(hosts[0])), (["mapped.example"], str))

    @needs_localhost
    def test_python_s_own_needs_no_idna_codec(self):
        with ScriptedServer() as server:
            url = server.url.replace("127.0.0.1", "localhost")
            self.assertEqual(run_program(WITHOUT_IDNA, NAME, url), (0, "False\n", ""))

    def test_a_family_of_addresses_that_the_system_is_without_is_passed_over(self):
        def both(*args, **kwargs):  # as of a name with IPv6, where the kernel was started without it
            return [(99, socket.SOCK_STREAM, 0, "", ("::1", 1, 0, 0)), *own(*args, **kwargs)]

        own = socket.getaddrinfo
        with ScriptedServer() as server, mock.patch("socket.getaddrinfo", both), client_for(server) as client:
            self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_what_is_no_network_error_comes_through_as_it_is(self):
        class SocketBlockedError(RuntimeError):
            """What pytest-socket raises."""

        def blocked(*args, **kwargs):
            raise SocketBlockedError("A test tried to use socket.socket.")

        event = inngest.Event(name="test/event", data={"password": "hunter2"})
        for name in ("socket.socket.connect", "socket.socket", "socket.getaddrinfo"):
            with self.subTest(name), ScriptedServer() as server, client_for(server) as client:
                try:
                    with mock.patch(name, blocked):
                        client.send_sync(event)
                except SocketBlockedError as error:
                    report = traceback.TracebackException.from_exception(error, capture_locals=True)
                    for frame in report.stack:
                        if os.path.dirname(inngest.__file__) in frame.filename:
                            for secret in (KEY, "hunter2"):
                                self.assertNotIn(secret, str(frame.locals), frame.filename)
                else:
                    self.fail("accepted")
                self.assertEqual(len(client.send_sync(event)), 1)


class HeaderTest(unittest.TestCase):
    def test_names_go_out_as_the_official_sdk_writes_them(self):
        received = []

        def script(peer):
            received.append(peer.socket.recv(65536))
            peer.answer(200, {"ids": ["ID"], "status": 200})

        with ScriptedServer(script) as server, client_for(server, env="branch") as client:
            client.send_sync(EVENT)
        names = [line.partition(b":")[0].decode() for line in received[0].partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
        inngest_s = {"x-inngest-env", "x-inngest-sdk", "x-inngest-event-id-seed"}
        own = {"host", "accept-encoding", "content-type", "user-agent", "content-length"}
        self.assertEqual(sorted(names), sorted(inngest_s | own))


class GlobalsTest(unittest.TestCase):
    def test_no_opener_of_the_program_is_used_or_replaced(self):
        opener = mock.Mock()
        with mock.patch.object(urllib.request, "_opener", opener), ScriptedServer() as server:
            with client_for(server) as client:
                client.send_sync(EVENT)
            self.assertIs(urllib.request._opener, opener)
        self.assertEqual(opener.mock_calls, [])

    def test_the_program_s_default_timeout_is_neither_used_nor_changed(self):
        self.addCleanup(socket.setdefaulttimeout, socket.getdefaulttimeout())
        arrived = []

        def script(peer):
            request = peer.read()
            arrived.append(peer.server.finished.wait(0.1))  # longer than the default timeout
            peer.accept(request)

        with ScriptedServer(script) as server, client_for(server, max_attempts=1) as client:
            socket.setdefaulttimeout(0.01)
            client.send_sync(EVENT)
            self.assertEqual(socket.getdefaulttimeout(), 0.01)
        self.assertEqual(arrived, [False])

    def test_an_ipv6_address_works(self):
        try:
            server = ScriptedServer(host="::1")
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        with server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(server.requests[0].headers["host"], f"[::1]:{server.port}")
        self.assertEqual(server.requests[0].path, "/e/" + KEY)
        self.assertEqual(json.loads(server.requests[0].body.decode()), [{"name": "test/event", "data": {}}])
