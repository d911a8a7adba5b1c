"""What is said of a failure on the network: what went wrong, and what can be done."""

import http.client
import os
import socket
import ssl
import unittest
from unittest import mock

from tests.helpers.library import module

problem = module("http.problem")
trust = module("http.trust")


def tls_error(reason):
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def certificate_error(code):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "the reason"
    return error


class NetworkTest(unittest.TestCase):
    def test_a_server_that_speaks_no_tls_is_told_so_whatever_this_version_of_openssl_calls_it(self):
        hint = "; it does not speak TLS there: is http:// meant?"
        for reason in (
            *("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"),
            *("UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"),
        ):
            self.assertEqual(problem.network_problem(tls_error(reason), "1 s"), f"TLS failed: {reason}{hint}")
        text = problem.network_problem(tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "1 s")
        self.assertEqual(text, "TLS failed: SSLV3_ALERT_HANDSHAKE_FAILURE")

    def test_an_error_without_a_text_is_called_by_its_type(self):
        self.assertEqual(problem.network_problem(tls_error(None), "1 s"), "TLS failed: SSLError")
        self.assertEqual(problem.network_problem(ConnectionResetError(), "1 s"), "ConnectionResetError")
        self.assertEqual(problem.network_problem(ConnectionResetError(104, "Reset"), "1 s"), "Reset")

    def test_the_time_of_an_attempt_is_told_from_a_timeout_of_the_kernel_s(self):
        self.assertEqual(problem.network_problem(socket.timeout("timed out"), "1 s"), "timed out after 1 s")
        of_the_kernel = TimeoutError(110, "Connection timed out")
        self.assertEqual(problem.network_problem(of_the_kernel, "1 s"), "Connection timed out")

    def test_a_time_is_told_in_seconds_or_in_milliseconds_where_it_is_short(self):
        for seconds, text in (
            (0.0, "1 ms"),
            (0.0004, "1 ms"),
            (0.0016, "2 ms"),
            (0.999, "999 ms"),
            (1, "1 s"),
            (1.256, "1.26 s"),
            (3600.0, "3,600 s"),
        ):
            self.assertEqual(problem.duration(seconds), text)


class RefusalTest(unittest.TestCase):
    def test_only_a_host_that_the_proxy_cannot_know_is_to_be_reached_without_it(self):
        hint = "; where it is not for the proxy to reach inngest, add inngest to NO_PROXY"
        for authority, expected in (
            ("inngest", hint),
            ("inngest:8288", hint),
            ("inn.gs", ""),
            ("inn.gs:443", ""),
            ("[fd00::1]:443", ""),
        ):
            self.assertEqual(problem.refusal_problem(authority, 403), f"HTTP 403 Forbidden{expected}")

    def test_a_status_that_has_no_name_has_none(self):
        self.assertEqual(problem.refusal_problem("inn.gs", 599), "HTTP 599")


class ResponseTest(unittest.TestCase):
    def test_what_the_server_did_is_told_apart(self):
        for error, text in (
            (http.client.RemoteDisconnected("closed"), "the server closed the connection without a response"),
            (http.client.IncompleteRead(b""), "the response was cut short"),
            (http.client.BadStatusLine("x"), "the response is not HTTP"),
        ):
            self.assertEqual(problem.http_problem(error), text)


class CertificateTest(unittest.TestCase):
    """The codes are those of OpenSSL's x509_vfy.h."""

    OF_THE_AUTHORITY = (2, 18, 19, 20, 21, 27)
    OF_STRICTNESS = range(79, 95)

    def problem(self, code, is_own):
        text = trust.certificate_problem(certificate_error(code), is_own=is_own)
        self.assertTrue(text.startswith("the certificate does not verify: the reason"), text)
        return text

    def test_each_reason_has_its_way_out_and_only_its_own(self):
        for code in range(2, 110):
            with self.subTest(code):
                own, others = self.problem(code, True), self.problem(code, False)
                is_of_authority, is_strict = code in self.OF_THE_AUTHORITY, code in self.OF_STRICTNESS
                self.assertEqual("where a private authority" in own and "SSL_CERT_FILE" in own, is_of_authority)
                self.assertEqual("load it into ssl_context" in others, is_of_authority)
                self.assertEqual("VERIFY_X509_STRICT" in own and "VERIFY_X509_STRICT" in others, is_strict)
                self.assertEqual(own.endswith("the reason"), not (is_of_authority or is_strict))

    def test_what_keeps_tls_from_being_set_up_is_told(self):
        for error, text in (
            (tls_error("LIBRARY_HAS_NO_CIPHERS"), "LIBRARY_HAS_NO_CIPHERS"),
            (PermissionError(13, "Permission denied"), "Permission denied"),
            (ValueError(), "ValueError"),
        ):
            with mock.patch.dict(os.environ, clear=True):
                unnamed = str(trust._unusable_setting(error))
            self.assertEqual(unnamed, f"TLS cannot be set up: {text}; pass ssl_context")
            with mock.patch.dict(os.environ, OPENSSL_CONF="x", SSLKEYLOGFILE="x"):
                named = str(trust._unusable_setting(error))
            self.assertRegex(named, f"^(OPENSSL_CONF|SSLKEYLOGFILE) must name .*, or be unset: TLS cannot .*: {text}$")
