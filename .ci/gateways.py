"""Real gateways between the library and its stand-in server: nginx, squid and tinyproxy.

Run in a clone: ``PYTHONPATH=.:.ci python .ci/gateways.py -v``.
"""

import logging
import socket
import subprocess
import unittest
from urllib.parse import quote

from cases import EVENT, KEY, TIME_LIMIT, ClientTest, any_host_context, by_way_of_proxy
from gateway import Gateway, free_ports
from inngest_send.testing import EventServer
from tests.helpers.library import inngest
from tests.helpers.proxies import proxied
from tests.helpers.servers import client_context, failure_of, server_context

NGINX = """
daemon off;
user root;
pid $folder/pid;
error_log $folder/errors;
worker_processes 1;
events {}
http {
    access_log $folder/log;
    client_body_temp_path $folder/bodies;
    proxy_temp_path $folder/proxied;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $certificates/server.pem;
        ssl_certificate_key $certificates/server.key;
        keepalive_timeout 300ms;
        client_max_body_size 100k;
        location / { proxy_pass http://127.0.0.1:$upstream; }
        location /forbidden/ { return 403 "no access to $$request_uri"; }
    }
    server {
        listen 127.0.0.1:$plain_port;
        return 301 https://127.0.0.1:$port$$request_uri;
    }
}
"""

SQUID = """
http_port 127.0.0.1:$port
pid_filename $folder/pid
access_log stdio:$folder/log
cache_log $folder/errors
coredump_dir $folder
cache deny all
shutdown_lifetime 0 seconds
auth_param basic program /usr/lib/squid/basic_ncsa_auth $folder/passwords
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""

TINYPROXY = """
Listen 127.0.0.1
Port $port
PidFile "$folder/pid"
LogFile "$folder/errors"
LogLevel Info
MaxClients 20
BasicAuth user $password
"""


class GatewayTest(ClientTest):
    """What the tests of all gateways share. Clients make one attempt for a call, unless told otherwise."""

    PASSWORD = "none"

    def client(self, url, **options):
        return super().client(url, **{"max_attempts": 1, **options})

    def check_accepts(self, client, server):
        """Send a few events; all of them must arrive, in order, at the first attempt."""
        self.check_accepted(server, client.send_sync([EVENT, inngest.Event(name="b", data={"text": "x" * 50000})]))

    def check_fails(self, client, *words, **attributes):
        """Send an event that is not accepted; return the error, in which nothing secret may show."""
        error = failure_of(client, EVENT)
        self.assertEqual({name: getattr(error, name) for name in attributes}, attributes, error)
        self.assertEqual((error.ids, error.unsent), ([], [EVENT]))
        for word in words:
            self.assertIn(word, str(error))
        for secret in (KEY, self.PASSWORD, quote(self.PASSWORD, safe="")):
            self.assertNotIn(secret, str(error))
        return error


class NginxTest(GatewayTest):
    """TLS in front of the stand-in server."""

    def setUp(self):
        self.upstream = self.server()
        port, self.plain_port = free_ports(2)
        self.nginx = Gateway(["nginx", "-c"], NGINX, port, upstream=self.upstream.port, plain_port=self.plain_port)
        self.addCleanup(self.nginx.close)
        self.url = f"https://127.0.0.1:{port}/"

    def wait_until_idle_connections_are_closed(self):
        """Wait until nginx closes a connection that was used later than all others."""
        address = ("127.0.0.1", self.nginx.port)
        sock = socket.create_connection(address, TIME_LIMIT)
        with client_context().wrap_socket(sock, server_hostname=address[0]) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while tls.recv(65536):
                pass

    def test_events_are_accepted_and_the_connection_is_kept(self):
        client = self.client(self.url)
        self.check_accepts(client, self.upstream)
        client.send_sync(EVENT)
        self.assertEqual(len(self.upstream.requests), 2)

    def test_after_the_keep_alive_timeout_the_next_send_succeeds_at_once(self):
        client = self.client(self.url)
        client.send_sync(EVENT)
        self.wait_until_idle_connections_are_closed()
        client.send_sync(EVENT)
        self.assertEqual(len(self.upstream.events), 2)

    def test_a_body_that_is_too_large_is_refused_for_good_and_what_comes_before_it_is_sent(self):
        client = self.client(self.url, max_attempts=5)
        for size in (101 * 1024, 3000000):  # the larger one is refused while it is still being written
            large = inngest.Event(name="large", data={"text": "x" * size})
            error = failure_of(client, [EVENT, large])
            self.assertEqual((error.status, error.attempts, error.is_retriable), (413, 1, False), error)
            self.assertEqual((error.unsent, error.maybe_delivered), ([large], False))
            self.check_accepted(self.upstream, error.ids)
            self.upstream.clear()

    def test_while_the_upstream_is_down_its_502_may_be_tried_again(self):
        self.upstream.close()
        self.check_fails(self.client(self.url), "HTTP 502", status=502, is_retriable=True, attempts=1)

    def test_a_send_outlasts_a_restart_of_the_upstream(self):
        self.upstream.close()
        server = EventServer(KEY, port=self.upstream.port)
        self.addCleanup(server.close)

        class Starter(logging.Handler):
            def emit(self, record):
                server.start()

        logger = logging.Logger("restart")
        logger.addHandler(Starter())
        (id,) = self.client(self.url, max_attempts=5, logger=logger).send_sync(EVENT)
        self.assertEqual([event.internal_id for event in server.runs], [id])

    def test_a_redirect_from_http_to_https_is_named_and_not_followed(self):
        client = self.client(f"http://127.0.0.1:{self.plain_port}/", max_attempts=5)
        self.check_fails(client, "HTTP 301", self.url[:-1], status=301, attempts=1, is_retriable=False)
        self.assertEqual(self.upstream.requests, [])

    def test_the_key_is_redacted_where_the_gateway_quotes_it(self):
        client = self.client(self.url + "forbidden/")
        self.check_fails(client, "no access to /forbidden/e/***", status=403, is_retriable=False)

    def test_a_certificate_that_does_not_verify_is_refused(self):
        client = self.client(self.url, ssl_context=None, max_attempts=5)
        self.check_fails(client, "certificate", status=None, attempts=1, maybe_delivered=False)


class ProxyTests:
    """What holds for every proxy; ``self.proxy`` is one that asks for ``PASSWORD``.

    ``REFUSED`` is how it answers a wrong password. ``REFUSES`` are the servers' contexts, None for plain http, with
    which its refusals are sure to be read.
    """

    REFUSED = 407
    REFUSES = (None, server_context())

    def environment(self, password=None):
        """Return a context in which clients that are made use the proxy."""
        quoted = quote(self.PASSWORD if password is None else password, safe="")
        url = f"http://user:{quoted}@127.0.0.1:{self.proxy.port}"
        return proxied(http_proxy=url, https_proxy=url)

    def client(self, url, **options):
        return super().client(url, ssl_context=any_host_context(), **options)

    def test_plain_http(self):
        server = self.server()
        with self.environment():
            client = self.client(by_way_of_proxy(server))
        self.check_accepts(client, server)
        client.send_sync(EVENT)

    def test_https_through_connect_on_one_connection(self):
        server = self.server(ssl_context=server_context())
        with self.environment():
            client = self.client(by_way_of_proxy(server))
        self.check_accepts(client, server)
        client.send_sync(EVENT)
        self.assertEqual(len({request.connection for request in server.requests}), 1)

    def test_a_wrong_password_is_refused_for_good(self):
        for context in self.REFUSES:
            server = self.server(ssl_context=context)
            with self.environment("wrong"):
                client = self.client(by_way_of_proxy(server), max_attempts=5)
            error = self.check_fails(client, status=self.REFUSED, attempts=1, is_retriable=False)
            self.assertIs(error.maybe_delivered, False)
            self.assertEqual(server.requests, [])

    def test_a_server_that_is_down_may_be_tried_again(self):
        for context in self.REFUSES:
            server = self.server(ssl_context=context)
            server.close()
            with self.environment():
                client = self.client(by_way_of_proxy(server), max_attempts=2)
            error = self.check_fails(client, attempts=2, is_retriable=True)
            self.assertGreaterEqual(error.status, 500)


class SquidTest(ProxyTests, GatewayTest):
    """Squid, with its helper for passwords."""

    PASSWORD = "p:ss/wo%rd@1"

    @classmethod
    def setUpClass(cls):
        hashed = subprocess.check_output(["openssl", "passwd", "-apr1", cls.PASSWORD], universal_newlines=True)
        files = {"passwords": "user:" + hashed}
        cls.proxy = Gateway(["squid", "-N", "-f"], SQUID, *free_ports(1), files=files)
        cls.addClassCleanup(cls.proxy.close)


class TinyproxyTest(ProxyTests, GatewayTest):
    """Tinyproxy, which keeps no connection but a tunnel.

    It refuses plain http without reading the body, and closes: a reset may overtake what it says.
    """

    PASSWORD = "s3cr3t-password"  # it takes no other characters
    REFUSED = 401
    REFUSES = (server_context(),)

    @classmethod
    def setUpClass(cls):
        cls.proxy = Gateway(["tinyproxy", "-d", "-c"], TINYPROXY, *free_ports(1), password=cls.PASSWORD)
        cls.addClassCleanup(cls.proxy.close)


if __name__ == "__main__":
    unittest.main()
