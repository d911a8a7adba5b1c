"""Proxies are found in the environment as urllib finds them, and their passwords are shown nowhere."""

import base64
import logging
import sys
import traceback
import unittest

from tests.helpers.library import inngest, module
from tests.helpers.proxies import Proxy, proxied
from tests.helpers.servers import (
    EVENT,
    KEY,
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

HTTPS = "https://other.example/"  # what the certificate "other" is for; the name has no address
HTTP = "http://other.example:8080/base/"


def tls_server():
    return ScriptedServer(ssl_context=server_context("other"))


def tls_client(server, **options):
    return client_for(server, **{"event_api_base_url": HTTPS, "ssl_context": client_context(), **options})


def with_credentials(url, credentials):
    return url.replace("//", "//" + credentials + "@")


class HttpsTest(unittest.TestCase):
    def test_https_goes_through_a_tunnel_that_is_kept_alive(self):
        with tls_server() as server, Proxy(server) as proxy, proxied(https_proxy=proxy.url):
            with tls_client(server) as client:
                for _ in range(5):
                    self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual((proxy.tunnels, proxy.connections), (["other.example:443"], 1))
        self.assertEqual((len(server.requests), server.connections), (5, 1))
        self.assertEqual(server.requests[0].path, "/e/" + KEY)
        self.assertEqual(server.requests[0].headers["host"], "other.example")

    def test_the_proxy_learns_nothing_of_the_request(self):
        with tls_server() as server, Proxy(server) as proxy, proxied(https_proxy=proxy.url):
            with tls_client(server, env="branch") as client:
                client.send_sync(EVENT)
        self.assertEqual(set(proxy.requests[0].headers), {"host"})

    def test_the_server_behind_the_tunnel_is_verified(self):
        with tls_server() as server, Proxy(server) as proxy, proxied(https_proxy=proxy.url):
            with tls_client(server, event_api_base_url="https://wrong.example/") as client:
                error = failure_of(client)
        self.assertEqual((error.attempts, error.is_retriable, error.maybe_delivered), (1, False, False))
        self.assertIn("the certificate does not verify", str(error))

    def test_credentials_are_decoded_and_told_to_the_proxy_alone(self):
        with tls_server() as server, Proxy(server, credentials="us er:p@ss:w\u00f6rd/%") as proxy:
            url = with_credentials(proxy.url, "us%20er:p%40ss:w%C3%B6rd%2F%25")
            with proxied(HTTPS_PROXY=url), tls_client(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(len(proxy.tunnels), 1)
        self.assertNotIn("proxy-authorization", server.requests[0].headers)

    def test_a_refusal_counts_by_its_status(self):
        for status, attempts in ((407, 1), (403, 1), (404, 1), (302, 1), (502, 5), (503, 5), (429, 5)):
            with self.subTest(status=status), without_delays(), tls_server() as server:
                with Proxy(server, refusals=[status] * 9) as proxy, proxied(https_proxy=proxy.url):
                    with tls_client(server) as client:
                        error = failure_of(client)
                self.assertEqual((error.status, error.attempts, len(proxy.tunnels)), (status, attempts, attempts))
                self.assertEqual((error.maybe_delivered, error.is_retriable), (False, attempts > 1))
                peers = f"other.example through the proxy 127.0.0.1:{proxy.port}"
                self.assertIn(f"cannot connect to {peers}: HTTP {status} ", str(error))
                self.assertEqual(server.connections, 0)

    def test_after_a_refusal_that_passes_the_send_succeeds(self):
        with without_delays(), tls_server() as server, Proxy(server, refusals=[502, 503]) as proxy:
            with proxied(https_proxy=proxy.url), tls_client(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual((len(proxy.tunnels), len(server.requests)), (3, 1))

    def test_a_proxy_that_breaks_off_is_retried_and_nothing_was_delivered(self):
        scripts = {
            "closed": lambda peer: peer.read(),
            "reset": lambda peer: (peer.read(), peer.reset()),
            "no http": lambda peer: (peer.read(), peer.send(b"SSH-2.0-OpenSSH_9.6\r\n")),
            "cut short": lambda peer: (peer.read(), peer.send(b"HTTP/1.1 200 OK\r\nX: ")),
        }
        for case, script in scripts.items():
            with self.subTest(case), without_delays(), ScriptedServer(then=script) as proxy:
                with proxied(https_proxy=proxy.url), tls_client(proxy, max_attempts=3) as client:
                    error = failure_of(client)
                self.assertEqual((error.attempts, proxy.connections), (3, 3))
                self.assertEqual((error.maybe_delivered, error.is_retriable), (False, True))

    def test_the_time_of_an_attempt_includes_the_proxy(self):
        def drip(peer):
            peer.is_slow(1)
            peer.send(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(500):
                peer.server.finished.wait(0.001)
                peer.send(b"x")

        for script in (silent, drip):
            with self.subTest(script.__name__), ScriptedServer(script) as proxy, proxied(https_proxy=proxy.url):
                with SkippedWaits(proxy), tls_client(proxy, max_attempts=1) as client:
                    begin = clock.monotonic()
                    error = failure_of(client)
                    self.assertAlmostEqual(clock.monotonic() - begin, 30)
                self.assertIn("timed out after 30 s", str(error))
                self.assertFalse(error.maybe_delivered)


class HttpTest(unittest.TestCase):
    def test_http_goes_to_the_proxy_whole_and_is_kept_alive(self):
        with ScriptedServer() as server, Proxy(server, credentials="user:word") as proxy:
            with proxied(http_proxy=with_credentials(proxy.url, "user:word")):
                with client_for(server, event_api_base_url=HTTP) as client:
                    for _ in range(5):
                        self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual({request.path for request in proxy.requests}, {HTTP + "e/" + KEY})
        self.assertEqual(proxy.requests[0].headers["host"], "other.example:8080")
        self.assertEqual((proxy.tunnels, proxy.connections, len(server.requests)), ([], 1, 5))

    def test_a_proxy_that_asks_for_credentials_is_not_asked_again(self):
        with ScriptedServer() as server, Proxy(server, credentials="user:word") as proxy:
            with proxied(http_proxy=proxy.url), client_for(server, event_api_base_url=HTTP) as client:
                error = failure_of(client)
        self.assertEqual((error.status, error.attempts, len(proxy.requests)), (407, 1, 1))
        self.assertFalse(error.maybe_delivered)


class ChoiceTest(unittest.TestCase):
    def test_no_proxy_is_honoured(self):
        for value in ("other.example", "*", "example.org, other.example"):
            for variable in ("no_proxy", "NO_PROXY"):
                with self.subTest(value, variable=variable), ScriptedServer() as server, Proxy(server) as proxy:
                    with proxied(**{"http_proxy": proxy.url, variable: value}), resolving_to(
                        (server.host, server.port)
                    ):
                        with client_for(server, event_api_base_url=HTTP) as client:
                            client.send_sync(EVENT)
                    self.assertEqual((proxy.connections, len(server.requests)), (0, 1))

    @needs_localhost
    def test_this_machine_is_never_reached_through_a_proxy(self):
        hosts = ["127.0.0.1", "localhost", "LocalHost", "127.1"]
        if sys.platform == "linux":
            hosts.append("127.200.0.3")
        for host in hosts:
            with self.subTest(host), ScriptedServer(host="0.0.0.0") as server, Proxy(server) as proxy:
                with proxied(http_proxy=proxy.url, HTTPS_PROXY=proxy.url):
                    with client_for(server, event_api_base_url=f"http://{host}:{server.port}/") as client:
                        self.assertEqual(len(client.send_sync(EVENT)), 1)
                self.assertEqual((proxy.connections, len(server.requests)), (0, 1))

    def test_what_is_this_machine_and_what_is_not(self):
        find_proxy = module("http.proxy").find_proxy
        with proxied(http_proxy="http://proxy.example"):
            for host in ("localhost", "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"):
                self.assertIsNone(find_proxy("http", host, host), host)
            for host in (
                "localhost.example",
                "128.0.0.1",
                "10.127.0.1",
                "::2",
                "::ffff:128.0.0.1",
                "host",
                "127.example",
            ):
                self.assertIsNotNone(find_proxy("http", host, host), host)

    def test_each_scheme_has_its_own_proxy(self):
        with ScriptedServer() as server, Proxy(server) as proxy:
            with proxied(https_proxy=proxy.url), resolving_to((server.host, server.port)):
                with client_for(server, event_api_base_url=HTTP) as client:
                    client.send_sync(EVENT)
        self.assertEqual(proxy.connections, 0)

    def test_a_proxy_without_a_scheme_and_with_white_space_works(self):
        with ScriptedServer() as server, Proxy(server) as proxy:
            with proxied(http_proxy=f" {proxy.host}:{proxy.port} \n"):
                with client_for(server, event_api_base_url=HTTP) as client:
                    client.send_sync(EVENT)
        self.assertEqual(len(proxy.requests), 1)

    def test_the_environment_is_read_when_the_client_is_made(self):
        with ScriptedServer() as server, Proxy(server) as proxy:
            with proxied(http_proxy=proxy.url):
                client = client_for(server, event_api_base_url=HTTP)
            with client:
                client.send_sync(EVENT)
        self.assertEqual(len(proxy.requests), 1)


class MessageTest(unittest.TestCase):
    """An error names the host, the proxy, the variable, and the way out."""

    def message(self, base_url, **variables):
        """Return why no client can be made."""
        with proxied(**variables), self.assertRaises(inngest.URLInvalidError) as caught:
            inngest.Inngest(app_id="test", event_key=KEY, event_api_base_url=base_url)
        return str(caught.exception)

    def test_a_proxy_that_cannot_be_reached_is_named(self):
        dead = ScriptedServer()
        dead.close()
        for base_url in (HTTP, HTTPS):
            with proxied(http_proxy=dead.url, https_proxy=dead.url), tls_client(
                dead, event_api_base_url=base_url, max_attempts=1
            ) as client:
                error = failure_of(client)
            self.assertIn(f"cannot connect to the proxy 127.0.0.1:{dead.port}: Connection refused", str(error))

    def test_a_refusal_for_a_host_without_a_dot_says_how_to_reach_it_without_the_proxy(self):
        with tls_server() as server, Proxy(server, refusals=[403] * 2) as proxy, proxied(https_proxy=proxy.url):
            for host, hint in (("inngest:8288", True), ("other.example:8288", False)):
                with tls_client(server, event_api_base_url=f"https://{host}/", max_attempts=1) as client:
                    text = str(failure_of(client))
                refusal = f"cannot connect to {host} through the proxy 127.0.0.1:{proxy.port}: HTTP 403 Forbidden"
                self.assertIn(refusal, text)
                self.assertEqual("add inngest to NO_PROXY" in text, hint, text)

    def test_a_proxy_that_asks_for_credentials_says_where_they_go(self):
        with tls_server() as server, Proxy(server, credentials="u:p") as proxy, proxied(https_proxy=proxy.url):
            with tls_client(server) as client:
                text = str(failure_of(client))
        self.assertIn("HTTP 407 Proxy Authentication Required; user and password go into the proxy's URL", text)

    def test_a_certificate_behind_a_proxy_is_not_the_proxy_s(self):
        with tls_server() as server, Proxy(server) as proxy, proxied(https_proxy=proxy.url):
            with tls_client(server, ssl_context=None) as client:
                text = str(failure_of(client))
        peers = f"cannot connect to other.example through the proxy 127.0.0.1:{proxy.port}: the certificate"
        self.assertIn(peers, text)
        self.assertIn("SSL_CERT_FILE, or pass ssl_context", text)

    def test_a_proxy_that_is_itself_under_tls_is_refused_with_what_to_write(self):
        for name in ("https_proxy", "HTTPS_PROXY"):
            text = self.message(HTTPS, **{name: "https://user:hunter2@proxy.example:8080"})
            self.assertIn(f"{name}: ", text)
            self.assertIn("write http:// if that proxy speaks plain HTTP, as most do", text)
            self.assertNotIn("hunter2", text)

    def test_a_host_that_cannot_be_one_is_refused_by_the_name_of_its_variable(self):
        urls = ["http://", "http://:8080"]
        if sys.getfilesystemencoding() == "utf-8":  # else the environment cannot hold it
            urls.append("http://pr\u00f6xy.example")
        for url in urls:
            text = self.message(HTTP, http_proxy=url)
            self.assertIn("http_proxy: its host or its port is not valid", text)

    def test_a_socks_proxy_is_refused_by_the_name_of_its_variable(self):
        for name, base_url in (("HTTP_PROXY", HTTP), ("https_proxy", HTTPS), ("HTTPS_PROXY", HTTPS)):
            text = self.message(base_url, **{name: "socks5h://user:hunter2@proxy.example:1080"})
            self.assertIn(f"{name}: only http:// proxies are supported", text)
            self.assertIn("add other.example", text)
            self.assertNotIn("hunter2", text)


class SecretTest(unittest.TestCase):
    SECRETS = ("hunter2", base64.b64encode(b"user:hunter2").decode())

    def check_hidden(self, *texts):
        for text in texts:
            for secret in self.SECRETS:
                self.assertNotIn(secret, text)

    def test_the_password_is_in_no_error_no_log_and_no_repr(self):
        dead = ScriptedServer()
        dead.close()
        scripts = {
            "asks for credentials": answering(407, b"user:hunter2"),
            "gateway": answering(502, b"user:hunter2"),
            "no http": lambda peer: (peer.read(), peer.send(b"user:hunter2\r\n")),
            "silent": silent,
            "refused": None,
        }
        for base_url in (HTTPS, HTTP):
            for case, script in scripts.items():
                if base_url == HTTP and case in ("asks for credentials", "gateway"):
                    continue  # a body that is quoted, as documented
                with self.subTest(case, base_url=base_url), ScriptedServer(then=script) as proxy, without_delays():
                    url = with_credentials(dead.url if script is None else proxy.url, "user:hunter2")
                    with proxied(http_proxy=url, https_proxy=url), self.assertLogs(level=logging.DEBUG) as logs:
                        logging.debug("begin")  # assertLogs wants one record at least
                        client = tls_client(proxy, event_api_base_url=base_url, max_attempts=2)
                        with SkippedWaits(proxy), client:
                            try:
                                client.send_sync(EVENT)
                            except inngest.SendEventsError as error:
                                self.check_hidden(traceback.format_exc(), repr(error), repr(client), *logs.output)
                            else:
                                self.fail("accepted")

    def test_the_password_is_not_in_the_message_about_a_proxy_that_cannot_work(self):
        secret = "user:hunter2@"
        for url in (f"http://{secret}host:port/", f"http://{secret}/", f"socks5://{secret}host", secret):
            with self.subTest(url), proxied(http_proxy=url):
                with self.assertRaises(inngest.URLInvalidError) as caught:
                    inngest.Inngest(app_id="test", event_key=KEY, event_api_base_url=HTTP)
                error = caught.exception
                self.check_hidden(str(error), "".join(traceback.format_exception(type(error), error, None)))
