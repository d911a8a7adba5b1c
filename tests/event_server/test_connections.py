"""The stand-in server's sockets: connections, TLS, its start and its end."""

import os
import socket
import threading
import unittest

from tests.helpers.event_server import EventServerTest, testing
from tests.helpers.library import NAME, TIME_LIMIT, inngest
from tests.helpers.processes import run
from tests.helpers.servers import client_context, server_context


class ConnectionsTest(EventServerTest):
    def test_a_request_is_kept_as_it_was_received(self):
        server = self.start()
        client = self.client(server, event_key="k")
        client.send_sync(inngest.Event("a"))
        client.send_sync(inngest.Event("b"))
        self.client(server).send_sync(inngest.Event("c"))
        self.assertEqual([request.connection for request in server.requests], [1, 1, 2])
        request = server.requests[0]
        self.assertEqual((request.method, request.path, request.body), ("POST", "/e/k", b'[{"name":"a","data":{}}]'))
        self.assertEqual(request.headers["content-type"], "application/json")

    def test_many_connections_are_served_at_once(self):
        server = self.start()
        connections = [self.connect(server) for _ in range(20)]  # of 64 descriptors each takes two
        for connection in connections:
            connection.connect()
        for connection in reversed(connections):
            self.assertEqual(self.post(connection, b'{"name":"a"}')[0], 200)

    def test_tls(self):
        server = self.start(ssl_context=server_context())
        self.assertTrue(server.url.startswith("https://"))
        self.client(server, ssl_context=client_context()).send_sync(inngest.Event("a"))
        self.assertEqual(len(server.events), 1)

    def test_a_wrong_key_with_a_small_body_keeps_the_connection_and_with_a_large_one_does_not(self):
        server = self.start(event_key="right")
        connection = self.connect(server)
        self.assertEqual(self.post(connection, b'{"name":"a"}', "/e/wrong")[0], 401)
        self.assertEqual(self.post(connection, b'{"name":"a"}', "/e/right")[0], 200)
        with self.assertRaises(inngest.SendEventsError) as caught:
            self.client(server, event_key="wrong").send_sync(inngest.Event("a", {"x": "x" * 3000000}))
        self.assertEqual(caught.exception.status, 401)

    def test_what_is_not_http_ends_its_connection_only(self):
        server = self.start()
        with socket.create_connection((server.host, server.port), TIME_LIMIT) as sock:
            sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            self.assertEqual(sock.recv(100), b"")
        self.assertEqual(self.post(self.connect(server), b'{"name":"a"}')[0], 200)

    def test_a_port_in_use_is_an_oserror(self):
        server = self.start()
        with self.assertRaises(OSError):
            testing.EventServer(port=server.port).start()

    def test_a_port_is_from_0_to_65535(self):
        self.assertEqual(testing.EventServer(port=65535).url, "http://127.0.0.1:65535/")
        for port in (-1, 65536):
            with self.assertRaisesRegex(ValueError, "^port: expected 0 to 65535$"):
                testing.EventServer(port=port)

    def test_close_may_be_called_twice_and_what_came_can_still_be_seen(self):
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        server.close()
        server.close()
        self.assertEqual(len(server.events), 1)
        with self.assertRaises(OSError):
            socket.create_connection((server.host, server.port), 1)

    def test_it_can_be_started_again_where_it_was(self):
        server = self.start()
        url = server.url
        server.close()
        server.start()
        self.assertEqual(server.url, url)
        server.fail_next("delay", seconds=60)
        with self.assertRaises(inngest.SendEventsError):  # a fault is played as before
            self.client(server, max_attempts=1, request_timeout=200).send_sync(inngest.Event("a"))

    def test_close_leaves_no_thread(self):
        before = set(threading.enumerate())
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        self.assertEqual({thread.name for thread in threading.enumerate() if thread not in before}, {"EventServer"})
        server.close()
        self.assertEqual([thread for thread in threading.enumerate() if thread not in before], [])

    def test_close_waits_for_a_request_that_is_being_answered(self):
        began, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def hold(event):
            began.set()
            release.wait(TIME_LIMIT)

        server = self.start(on_event=hold)
        connection = self.connect(server)
        connection.request("POST", "/e/k", b'{"name":"a"}')
        self.assertTrue(began.wait(TIME_LIMIT))
        closing = threading.Thread(target=server.close)
        closing.start()
        closing.join(0.1)
        self.assertTrue(closing.is_alive())
        release.set()
        closing.join(TIME_LIMIT)
        self.assertFalse(closing.is_alive())

    @unittest.skipUnless(os.name == "posix", "needs a limit of descriptors")
    def test_a_connection_for_which_there_is_no_descriptor_yet_is_served_later(self):
        program = f"""
import os, resource, socket
from {NAME}.testing import EventServer
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with EventServer() as server, socket.socket() as first, socket.socket() as client:
    taken = []
    try:
        while True:
            taken.append(os.dup(1))
    except OSError:
        pass
    first.connect((server.host, server.port))  # for which accept() has a descriptor
    client.connect((server.host, server.port))
    client.sendall(b'POST /e/k HTTP/1.1\\r\\nContent-Length: 12\\r\\n\\r\\n{{"name":"a"}}')
    client.settimeout(0.1)
    try:
        print(client.recv(100))
    except socket.timeout:
        pass
    for descriptor in taken:
        os.close(descriptor)
    client.settimeout({TIME_LIMIT})
    print(client.recv(15).decode())
"""
        self.assertEqual(run(["-c", program]), (0, "HTTP/1.1 200 OK\n", ""))

    def test_a_server_left_running_ends_with_the_process(self):
        program = f"from {NAME}.testing import EventServer; EventServer().start()"
        self.assertEqual(run(["-c", program]), (0, "", ""))

    def test_reprs_show_what_helps_and_no_key(self):
        server = self.start(event_key="s3cr3t")
        self.client(server, event_key="s3cr3t").send_sync(inngest.Event("a/b", {"x": 1}))
        shown = [repr(server), repr(server.events), repr(server.requests)]
        self.assertNotIn("s3cr3t", "".join(shown))
        self.assertEqual(shown[0], f"<EventServer {server.url}: 1 events in 1 connections>")
        self.assertEqual(repr(testing.EventServer()), "<EventServer not started: 0 events in 0 connections>")
        self.assertIn("'a/b'", shown[1])
        self.assertIn("data={'x': 1}", shown[1])
        self.assertIn("POST", shown[2])


class IndependenceTest(unittest.TestCase):
    def test_the_server_shares_no_code_with_the_client(self):
        folder = os.path.dirname(testing.__file__)
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.assertNotIn("from ..", file.read(), name)
