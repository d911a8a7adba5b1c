"""Clients of a process share the TLS context that this library makes, and no other, for as long as it is up to date."""

import gc
import os
import shutil
import ssl
import tempfile
import unittest
import weakref
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from tests.helpers.library import module
from tests.helpers.servers import CERTIFICATES, EVENT, ScriptedServer, client_context, client_for, server_context

trust = module("http.trust")

AUTHORITY = os.path.join(CERTIFICATES, "authority.pem")
OTHER_AUTHORITY = os.path.join(CERTIFICATES, "lax-authority.pem")


def environment(**variables):
    """Return a context manager in which the environment has these, and no log of TLS keys."""
    kept = {name: value for name, value in os.environ.items() if name != "SSLKEYLOGFILE"}
    return mock.patch.dict(os.environ, {**kept, **variables}, clear=True)


def count_made():
    """Return a context manager that counts the contexts that are made."""
    return mock.patch("ssl.create_default_context", side_effect=ssl.create_default_context)


@unittest.skipIf(os.name == "nt", "there each client makes its own")
class SharedContextTest(unittest.TestCase):
    def test_a_second_client_makes_none(self):
        with ScriptedServer(ssl_context=server_context()) as server, environment(SSL_CERT_FILE=AUTHORITY):
            with count_made() as made:
                for _ in range(3):
                    with client_for(server) as client:
                        self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(made.call_count, 1)

    def test_another_file_or_folder_gives_another(self):
        with tempfile.TemporaryDirectory() as folder:
            contexts = []
            for variables in (
                {"SSL_CERT_FILE": AUTHORITY},
                {"SSL_CERT_FILE": OTHER_AUTHORITY},
                {"SSL_CERT_FILE": OTHER_AUTHORITY, "SSL_CERT_DIR": folder},
            ):
                with environment(**variables):
                    contexts.append(trust.verifying_context())
                    self.assertIs(trust.verifying_context(), contexts[-1])
        self.assertEqual(len(set(map(id, contexts))), 3)

    def test_a_file_that_was_replaced_is_read_again(self):
        with tempfile.TemporaryDirectory() as folder, ScriptedServer(ssl_context=server_context()) as server:
            path = os.path.join(folder, "trusted.pem")
            with environment(SSL_CERT_FILE=path):
                missing = trust.verifying_context()
                shutil.copy(OTHER_AUTHORITY, path)
                other = trust.verifying_context()
                shutil.copy(AUTHORITY, path)
                with client_for(server) as client:
                    self.assertEqual(len(client.send_sync(EVENT)), 1)
                self.assertEqual(len({id(missing), id(other), id(trust.verifying_context())}), 3)

    def test_a_folder_with_another_file_in_it_gives_another(self):
        with tempfile.TemporaryDirectory() as folder, environment(SSL_CERT_FILE=AUTHORITY, SSL_CERT_DIR=folder):
            before = trust.verifying_context()
            shutil.copy(AUTHORITY, os.path.join(folder, "01234567.0"))
            self.assertIsNot(trust.verifying_context(), before)

    def test_what_a_program_puts_in_the_place_of_a_function_of_ssl_is_used(self):
        class Context(ssl.SSLContext):
            pass

        own = mock.Mock(side_effect=lambda: Context(ssl.PROTOCOL_TLS_CLIENT))
        trust.verifying_context()
        with mock.patch("ssl.create_default_context", own):
            self.assertIs(type(trust.verifying_context()), Context)
        self.assertIsNot(type(trust.verifying_context()), Context)

    def test_a_callers_own_is_neither_shared_nor_altered(self):
        own = client_context()
        own.check_hostname = False
        minimum = own.minimum_version
        with ScriptedServer(ssl_context=server_context()) as server:
            with client_for(server, ssl_context=own) as client:
                client.send_sync(EVENT)
        self.assertIsNot(trust.verifying_context(), own)
        self.assertTrue(trust.verifying_context().check_hostname)
        self.assertEqual(own.minimum_version, minimum)

    def test_it_is_not_shared_where_its_keys_are_logged(self):
        with tempfile.TemporaryDirectory() as folder, environment():
            shared = trust.verifying_context()
            with mock.patch.dict(os.environ, {"SSLKEYLOGFILE": os.path.join(folder, "keys")}):
                first, second = trust.verifying_context(), trust.verifying_context()
            self.assertEqual(len({id(shared), id(first), id(second)}), 3)
            self.assertIs(trust.verifying_context(), shared)

    def test_one_that_is_out_of_date_is_not_kept(self):
        with environment(SSL_CERT_FILE=AUTHORITY):
            before = weakref.ref(trust.verifying_context())
        with environment(SSL_CERT_FILE=OTHER_AUTHORITY):
            trust.verifying_context()
        gc.collect()
        self.assertIsNone(before())

    def test_threads_get_contexts_that_are_complete(self):
        with environment(SSL_CERT_FILE=AUTHORITY), ThreadPoolExecutor(8) as pool:
            trust._shared.pop()
            contexts = list(pool.map(lambda _: trust.verifying_context(), range(100)))
        for context in contexts:
            self.assertEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
            self.assertEqual(len(context.get_ca_certs()), 1)
        self.assertIs(contexts[-1], contexts[-2])

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork")
    def test_a_forked_child_makes_its_own(self):
        before = trust.verifying_context()
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if trust.verifying_context() is not before else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertIs(trust.verifying_context(), before)
