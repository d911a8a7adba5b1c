"""TLS is verified, 1.2 or newer, kept alive, and not needed for http."""

import contextlib
import os
import select
import shutil
import ssl
import tempfile
import time
import unittest
import warnings
from unittest import mock

from tests.helpers import library
from tests.helpers.library import TIME_LIMIT, inngest, module
from tests.helpers.processes import environment, run
from tests.helpers.servers import (
    CERTIFICATES,
    EVENT,
    ScriptedServer,
    client_context,
    client_for,
    failure_of,
    needs_localhost,
    server_context,
)

AUTHORITY = os.path.join(CERTIFICATES, "authority.pem")

MAKING = """
import importlib, sys
inngest = importlib.import_module(sys.argv[1])
try:
    inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2])
except inngest.Error as error:
    print(type(error).__name__, error, sep=": ", end="")
else:
    print("made", end="")
"""

create_default_context = ssl.create_default_context


def strict_default_context():
    """Return what ssl.create_default_context does on Python 3.13 and newer."""
    context = create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


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

    @needs_localhost
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


class ProtocolTest(unittest.TestCase):
    def test_a_server_that_speaks_http_2_as_well_is_spoken_to_in_http_1_1(self):
        chosen = []

        def script(peer):
            chosen.append(peer.socket.selected_alpn_protocol())
            peer.serve()

        context = server_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with trusting_the_authority(), ScriptedServer(then=script, ssl_context=context) as server:
            with client_for(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(chosen, ["http/1.1"])


class NoTlsTest(unittest.TestCase):
    def test_a_server_that_speaks_none_is_told_so(self):
        def script(peer):
            peer.socket.recv(65536)
            peer.answer(400)

        with ScriptedServer(then=script) as server:
            url = server.url.replace("http:", "https:")
            with client_for(server, event_api_base_url=url, ssl_context=client_context(), max_attempts=1) as client:
                error = failure_of(client)
        self.assertIn(f"cannot connect to 127.0.0.1:{server.port}: TLS failed: ", str(error))
        self.assertIn("it does not speak TLS there: is http:// meant?", str(error))
        self.assertFalse(error.maybe_delivered)


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
        deadline = time.monotonic() + TIME_LIMIT
        with ScriptedServer(ssl_context=limited_to(ssl.TLSVersion.TLSv1_3, server_context())) as server:
            sock = stream.connect(server.host, server.port, deadline, cancellation)
            sock = stream.start_tls(sock, client_context(), server.host, deadline, cancellation)
            with contextlib.closing(sock):
                self.assertTrue(select.select([sock], [], [], TIME_LIMIT)[0])  # tickets: the server said nothing else
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


class ConfigurationTest(unittest.TestCase):
    """What a platform or a colleague has set wrong is named, when it matters and not before."""

    def text(self, **variables):
        """Return what is said of a certificate of an authority that is not known, in such an environment."""
        with mock.patch.dict(os.environ, variables), ScriptedServer(ssl_context=server_context()) as server:
            with client_for(server) as client:
                return str(failure_of(client))

    def test_an_unusable_ssl_cert_file_is_named_when_a_certificate_does_not_verify(self):
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty.pem")
            open(empty, "w").close()
            for path, problem in (
                (os.path.join(folder, "missing"), "SSL_CERT_FILE names no file"),
                (folder, "SSL_CERT_FILE names a folder, and not a file with certificates"),
                (empty, "SSL_CERT_FILE names a file without a certificate in PEM format"),
                ("", "SSL_CERT_FILE names no file"),
                (os.path.join(empty, "x"), "SSL_CERT_FILE names a file that cannot be read: Not a directory"),
            ):
                with self.subTest(problem):
                    self.assertIn(problem, self.text(SSL_CERT_FILE=path))

    def test_an_unusable_ssl_cert_dir_is_named_too(self):
        with tempfile.TemporaryDirectory() as folder:
            missing = os.path.join(folder, "missing")
            self.assertIn("SSL_CERT_DIR names no folder", self.text(SSL_CERT_DIR=missing))
            self.assertIn("SSL_CERT_DIR names a folder without certificates as", self.text(SSL_CERT_DIR=folder))
            both = self.text(SSL_CERT_FILE=missing, SSL_CERT_DIR=missing)
            self.assertIn("SSL_CERT_FILE names no file, and SSL_CERT_DIR names no folder", both)
            for name in ("notes1", "notes.txt"):
                open(os.path.join(folder, name), "w").close()
            self.assertIn("SSL_CERT_DIR names a folder without", self.text(SSL_CERT_DIR=folder))
            open(os.path.join(folder, "0123abcd.0"), "w").close()
            for folders in (folder, os.pathsep.join([missing, folder])):
                self.assertNotIn("SSL_CERT_DIR", self.text(SSL_CERT_DIR=folders))

    def test_a_context_of_the_caller_s_has_nothing_to_do_with_them(self):
        with mock.patch.dict(os.environ, {"SSL_CERT_FILE": "/missing"}):
            with ScriptedServer(ssl_context=server_context()) as server:
                context = ssl.create_default_context(cafile=os.path.join(CERTIFICATES, "lax-authority.pem"))
                with client_for(server, ssl_context=context) as client:
                    text = str(failure_of(client))
        self.assertNotIn("SSL_CERT_FILE", text)
        self.assertIn("load it into ssl_context", text)

    def test_usable_ones_are_not_blamed(self):
        text = self.text(SSL_CERT_FILE=os.path.join(CERTIFICATES, "lax-authority.pem"))
        self.assertIn("private authority or a proxy that inspects TLS", text)
        self.assertNotIn("SSL_CERT_FILE names", text)
        self.assertIn("name its file in SSL_CERT_FILE, or pass ssl_context", text)

    def test_one_that_is_unusable_is_no_matter_while_certificates_verify(self):
        with mock.patch.dict(os.environ, {"SSL_CERT_FILE": AUTHORITY, "SSL_CERT_DIR": "/missing"}):
            with ScriptedServer(ssl_context=server_context()) as server, client_for(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_the_file_and_the_folder_of_the_environment_are_both_trusted(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(AUTHORITY, os.path.join(folder, "07b06665.0"))  # as `openssl rehash` names it
            file = os.path.join(CERTIFICATES, "lax-authority.pem")
            with mock.patch.dict(os.environ, {"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder}):
                for name in ("server", "lax"):
                    context = ssl.create_default_context()
                    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)  # which "lax" would not pass
                    with ScriptedServer(ssl_context=server_context(name)) as server:
                        with client_for(server, ssl_context=context) as client:
                            self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_an_authority_without_the_extensions_of_rfc_5280_has_a_way_out(self):
        context = ssl.create_default_context(cafile=os.path.join(CERTIFICATES, "lax-authority.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does
        with ScriptedServer(ssl_context=server_context("lax")) as server:
            with client_for(server, ssl_context=context) as client:
                text = str(failure_of(client))
            self.assertIn("set in ssl_context verify_flags &= ~ssl.VERIFY_X509_STRICT", text)
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            with client_for(server, ssl_context=context) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)
            with mock.patch.dict(os.environ, {"SSL_CERT_FILE": os.path.join(CERTIFICATES, "lax-authority.pem")}):
                with mock.patch("ssl.create_default_context", strict_default_context), client_for(server) as client:
                    text = str(failure_of(client))
        self.assertIn("pass ssl_context, from ssl.create_default_context(), with verify_flags &= ~ssl.VERIFY", text)

    def refusal(self, url, **variables):
        """Return what a program prints that makes a client in such an environment."""
        result = run(["-c", MAKING, library.NAME, url], env=environment(**variables))
        self.assertEqual((result[0], result[2]), (0, ""))
        return result[1]

    @unittest.skipUnless(hasattr(ssl.SSLContext, "keylog_filename"), "Python 3.7 does not read SSLKEYLOGFILE")
    def test_a_key_log_that_cannot_be_written_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in (folder, os.path.join(folder, "missing", "file")):
                text = self.refusal("https://host.example/", SSLKEYLOGFILE=path)
                self.assertIn("ArgumentInvalidError: SSLKEYLOGFILE must name a file that can be written to", text)
                self.assertEqual(self.refusal("http://host.example/", SSLKEYLOGFILE=path), "made")

    @unittest.skipIf(ssl.OPENSSL_VERSION_INFO < (3,), "needs OpenSSL 3, which has providers")
    def test_an_openssl_conf_that_leaves_no_ciphers_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "openssl.cnf")
            with open(path, "w") as file:
                file.write("openssl_conf = a\n[a]\nproviders = b\n[b]\nnone-such = c\n[c]\nactivate = 1\n")
            text = self.refusal("https://host.example/", OPENSSL_CONF=path)
            self.assertIn("ArgumentInvalidError: OPENSSL_CONF must name a configuration that OpenSSL can use", text)
            self.assertEqual(self.refusal("http://host.example/", OPENSSL_CONF=path), "made")

    def test_a_context_of_the_caller_s_needs_none_of_them(self):
        with mock.patch("ssl.create_default_context", side_effect=AssertionError):
            inngest.Inngest(app_id="test", event_key="key", ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class WithoutSslTest(unittest.TestCase):
    def test_a_python_without_ssl_sends_over_http_and_says_what_https_needs(self):
        with ScriptedServer() as server:
            code, output, errors = run(["-c", WITHOUT_SSL, library.NAME, server.url])
        self.assertEqual((code, errors), (0, ""))
        count, message = output.splitlines()
        self.assertEqual(count, "1")
        self.assertIn("https needs the ssl module", message)
