"""TLS is verified, 1.2 or newer, kept alive, and not needed for http."""

import contextlib
import os
import select
import ssl
import time
import unittest
import warnings
from unittest import mock

from tests.helpers import library
from tests.helpers.library import inngest, module
from tests.helpers.processes import run
from tests.helpers.servers import (
    CERTIFICATES,
    EVENT,
    ScriptedServer,
    client_context,
    client_for,
    failure_of,
    server_context,
)

AUTHORITY = os.path.join(CERTIFICATES, "authority.pem")

WITHOUT_SSL = """
import importlib, sys
sys.modules["ssl"] = sys.modules["_ssl"] = None  # as in a Python built without it: the import fails
inngest = importlib.import_module(sys.argv[1])
Error, Event, Inngest = inngest.Error, inngest.Event, inngest.Inngest

with Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2]) as client:
    print(len(client.send_sync(Event(name="test/event"))))
try:
    Inngest(app_id="test", event_key="key", event_api_base_url="https://127.0.0.1/")
except Error as error:
    print(error)
"""


def limited_to(version, context):
    """Return ``context``, which then speaks one version of TLS only, however old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    if version < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def trusting_the_authority():
    """Return a context manager in which SSL_CERT_FILE names the tests' own authority."""
    return mock.patch.dict(os.environ, {"SSL_CERT_FILE": AUTHORITY})


class VerificationTest(unittest.TestCase):
    def check_refused(self, client):
        error = failure_of(client)
        self.assertEqual((error.attempts, error.is_retriable, error.maybe_delivered), (1, False, False))
        self.assertIsInstance(error.__cause__, ssl.SSLCertVerificationError)
        self.assertIn("the certificate does not verify", str(error))

    def test_a_certificate_for_another_name_is_refused_and_not_retried(self):
        with ScriptedServer(ssl_context=server_context("other")) as server:
            with client_for(server, ssl_context=client_context()) as client:
                self.check_refused(client)
        self.assertEqual((server.connections, server.requests), (1, []))

    def test_a_certificate_of_an_unknown_authority_is_refused_and_not_retried(self):
        with ScriptedServer(ssl_context=server_context()) as server, client_for(server) as client:
            self.check_refused(client)
        self.assertEqual((server.connections, server.requests), (1, []))

    def test_ssl_cert_file_names_the_authorities_to_trust(self):
        with trusting_the_authority(), ScriptedServer(ssl_context=server_context()) as server:
            with client_for(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_names_and_addresses_are_verified_alike(self):
        with ScriptedServer(ssl_context=server_context()) as server:
            for host in ("localhost", "LOCALHOST", "127.0.0.1"):
                url = f"https://{host}:{server.port}"
                with self.subTest(host):
                    with client_for(server, event_api_base_url=url, ssl_context=client_context()) as client:
                        self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_the_caller_s_context_is_used_as_it_is(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with ScriptedServer(ssl_context=server_context("other")) as server:
            with client_for(server, ssl_context=context) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)


class VersionTest(unittest.TestCase):
    def test_tls_1_2_and_1_3_are_spoken(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version), trusting_the_authority():
                with ScriptedServer(ssl_context=limited_to(version, server_context())) as server:
                    with client_for(server) as client:
                        self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_tls_1_1_is_refused_although_this_machine_can_speak_it(self):
        old = ssl.TLSVersion.TLSv1_1
        with ScriptedServer(ssl_context=limited_to(old, server_context())) as server:
            with client_for(server, ssl_context=limited_to(old, client_context())) as client:
                try:
                    client.send_sync(EVENT)
                except inngest.SendEventsError as error:
                    self.skipTest(f"this machine cannot speak TLS 1.1: {error}")
            with trusting_the_authority(), client_for(server, max_attempts=1) as client:
                error = failure_of(client)
        self.assertIsInstance(error.__cause__, ssl.SSLError)
        self.assertFalse(error.maybe_delivered)
        self.assertEqual(len(server.requests), 1)


class KeptAliveTest(unittest.TestCase):
    def test_one_handshake_serves_many_sends(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                with ScriptedServer(ssl_context=limited_to(version, server_context())) as server:
                    with client_for(server, ssl_context=client_context()) as client:
                        for _ in range(10):
                            client.send_sync(EVENT)
                self.assertEqual((server.connections, len(server.requests)), (1, 10))

    def test_a_session_ticket_on_an_idle_connection_does_not_count_as_data(self):
        stream, cancellation = module("http.stream"), module("http.cancellation").Cancellation()
        deadline = time.monotonic() + 10
        with ScriptedServer(ssl_context=limited_to(ssl.TLSVersion.TLSv1_3, server_context())) as server:
            sock = stream.connect(server.host, server.port, deadline, cancellation)
            sock = stream.start_tls(sock, client_context(), server.host, deadline, cancellation)
            with contextlib.closing(sock):
                self.assertTrue(select.select([sock], [], [], 10)[0])  # tickets: the server said nothing else
                self.assertTrue(stream.Stream(sock).is_alive())

    def test_a_connection_that_the_server_closed_is_not_used_again(self):
        def close_notify(peer):
            peer.accept(peer.read())
            peer.socket.unwrap()

        def drop(peer):
            peer.accept(peer.read())

        for script in (close_notify, drop):
            with self.subTest(script.__name__):
                with ScriptedServer(then=script, ssl_context=server_context()) as server:
                    with client_for(server, ssl_context=client_context(), max_attempts=1) as client:
                        for _ in range(10):
                            client.send_sync(EVENT)
                self.assertEqual((server.connections, len(server.requests)), (10, 10))

    def test_a_connection_that_dies_as_it_is_used_again_is_replaced_at_once(self):
        for end in (lambda peer: None, lambda peer: peer.reset()):

            def script(peer):
                peer.accept(peer.read())
                peer.read()
                end(peer)

            with self.subTest(end), ScriptedServer(script, ssl_context=server_context()) as server:
                with client_for(server, ssl_context=client_context(), max_attempts=1) as client:
                    client.send_sync(EVENT)
                    client.send_sync(EVENT)
                self.assertEqual((server.connections, len(server.requests)), (2, 3))


class WithoutSslTest(unittest.TestCase):
    def test_a_python_without_ssl_sends_over_http_and_says_what_https_needs(self):
        with ScriptedServer() as server:
            code, output, errors = run(["-c", WITHOUT_SSL, library.NAME, server.url])
        self.assertEqual((code, errors), (0, ""))
        count, message = output.splitlines()
        self.assertEqual(count, "1")
        self.assertIn("https needs the ssl module", message)
