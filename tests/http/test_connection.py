"""How long a connection serves, what it leaves behind in the call it served, and how it is opened."""

import contextlib
import http.client
import socket
import unittest
import urllib.request
from unittest import mock

from tests.helpers.library import TIME_LIMIT, module
from tests.helpers.proxies import Proxy, proxied
from tests.helpers.servers import (
    ScriptedServer,
    answering,
    client_context,
    client_for,
    failure_of,
    once,
    server_context,
)

cancellation = module("http.cancellation")
connection = module("http.connection")
exchange = module("http.exchange")
stream = module("http.stream")

FAILURES = (OSError, http.client.HTTPException, connection.TunnelRefused)


def no_tls(peer):
    peer.send(b"220 ready\r\n")


class Clock:
    """Stands in for the module ``time``, and for ``runtime.clock``; both clocks stand still until they are set."""

    def __init__(self):
        self.now = self.wall = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.wall

    def patching(self):
        return mock.patch.multiple(connection, time=self, monotonic=self.monotonic)


class ConnectionTest(unittest.TestCase):
    def exchange(self, server):
        """Return an exchange with ``server`` that can be cancelled."""
        request = urllib.request.Request(server.url, method="POST")
        call = cancellation.Cancellation()
        return exchange.Exchange(request, b"[]", {}, timeout=TIME_LIMIT, cancellation=call, new_connection=True)

    def connect(self, server):
        """Return an open connection and its socket."""
        sock = socket.create_connection((server.host, server.port))
        opened = connection.Connection(stream.Stream(sock))
        self.addCleanup(opened.close)
        return opened, sock

    def send(self, opened, server):
        call = self.exchange(server)
        head = exchange.request_lines("/e/key", "host", {}, 2)
        return opened.send(memoryview("\r\n".join([*head, "", "[]"]).encode()), call), call


class AgeTest(ConnectionTest):
    def test_it_serves_until_it_was_idle_for_30_seconds_by_either_clock(self):
        for now, wall, expired in (
            (30, 30, False),
            (30.5, 0, True),
            (0, 30.5, True),
            (0, -30, False),
            (0, -30.5, True),
        ):
            clock = Clock()
            with self.subTest(now=now, wall=wall), clock.patching(), ScriptedServer(then=answering()) as server:
                opened, _ = self.connect(server)
                clock.now, clock.wall = 1100.0, 1100.0  # idle is not what waits for its first request
                self.send(opened, server)
                clock.now, clock.wall = 1100.0 + now, 1100.0 + wall
                self.assertIs(opened.has_expired(), expired)

    def test_it_serves_until_it_is_five_minutes_old_however_busy(self):
        clock = Clock()
        with clock.patching(), ScriptedServer(then=answering()) as server:
            opened, _ = self.connect(server)
            for age, expired in ((299, False), (300, False), (300.5, True)):
                clock.now, clock.wall = 1000.0 + age, 1000.0 + age
                self.send(opened, server)
                self.assertIs(opened.has_expired(), expired, age)


class SendTest(ConnectionTest):
    def test_the_end_of_a_call_that_it_served_is_no_matter_to_it(self):
        with ScriptedServer(then=answering()) as server:
            opened, _ = self.connect(server)
            _, call = self.send(opened, server)
            call.cancellation.cancel()
            self.assertTrue(opened.is_alive())
            self.assertEqual(self.send(opened, server)[0].status, 200)
        self.assertEqual(server.connections, 1)

    def test_a_call_whose_request_fails_forgets_it_too(self):
        with ScriptedServer(lambda peer: peer.read()) as server:
            opened, sock = self.connect(server)
            with mock.patch.object(cancellation.Cancellation, "detach") as detach:
                with self.assertRaises(FAILURES):
                    self.send(opened, server)
        detach.assert_called_with(sock)

    def test_it_says_whether_any_byte_of_a_response_came(self):
        for answer, received in ((b"", False), (b"H", True)):
            with self.subTest(answer), ScriptedServer(lambda peer: (peer.read(), peer.send(answer))) as server:
                opened, _ = self.connect(server)
                with self.assertRaises(FAILURES):
                    self.send(opened, server)
                self.assertIs(opened.has_received, received)
                self.assertFalse(opened.is_reusable)

    @unittest.skipUnless(hasattr(socket, "TCP_USER_TIMEOUT"), "needs TCP_USER_TIMEOUT")
    def test_only_one_that_was_idle_must_be_acknowledged_soon(self):
        with ScriptedServer(then=answering()) as server:
            opened, sock = self.connect(server)
            limits = []
            for _ in range(2):
                self.send(opened, server)
                limits.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
        self.assertEqual(limits, [0, 5000])


class OpenTest(ConnectionTest):
    def open(self, server, host="127.0.0.1", context=None, proxy=None):
        call = self.exchange(server)
        route = connection.Route(host, server.port, f"{host}:{server.port}", context, proxy)
        try:
            return connection.open_connection(route, call), call
        finally:
            self.assertEqual(call.cancellation._sockets, set())

    def test_the_end_of_the_call_that_opened_it_is_no_matter_to_it(self):
        for context in (None, server_context()):
            with self.subTest(context), ScriptedServer(then=answering(), ssl_context=context) as server:
                opened, call = self.open(server, context=context and client_context())
                with contextlib.closing(opened):
                    call.cancellation.cancel()
                    self.assertEqual(self.send(opened, server)[0].status, 200)

    def test_a_connection_that_fails_while_it_is_opened_is_closed(self):
        sockets = []
        connect = stream.connect

        def noting(*args):
            sockets.append(connect(*args))
            return sockets[-1]

        proxy = module("http.proxy").Proxy
        for case, context, script in (("tls", client_context(), no_tls), ("tunnel", None, once(403))):
            with self.subTest(case), ScriptedServer(script) as server:
                tunnel = proxy(server.host, server.port, {}, is_tls=False, is_tunnel=True) if case == "tunnel" else None
                with mock.patch.object(connection, "connect", noting), self.assertRaises(FAILURES):
                    self.open(server, context=context, proxy=tunnel)
                self.assertEqual(sockets[-1].fileno(), -1)


class TunnelTest(unittest.TestCase):
    def test_an_address_of_ipv6_is_asked_for_in_brackets(self):
        with ScriptedServer(ssl_context=server_context("other")) as server, Proxy(server) as proxy:
            with proxied(https_proxy=proxy.url), client_for(
                server, event_api_base_url="https://[2001:db8::1]:8443/", ssl_context=client_context()
            ) as client:
                failure_of(client)  # the certificate is that of another host
        self.assertEqual(proxy.tunnels, ["[2001:db8::1]:8443"])

    def test_any_status_of_2xx_opens_it_and_no_other(self):
        for status, is_open in ((200, True), (201, True), (299, True), (101, False), (300, False), (304, False)):
            with self.subTest(status), ScriptedServer(once(status)) as proxy:
                with proxied(https_proxy=proxy.url), client_for(
                    proxy,
                    event_api_base_url="https://other.example/",
                    ssl_context=client_context(),
                    max_attempts=1,
                ) as client:
                    error = failure_of(client)
                self.assertEqual(error.status, None if is_open else status, error)
