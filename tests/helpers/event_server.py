"""A stand-in server for each test, and clients of it."""

import contextlib
import http.client
import socket
import unittest

from tests.helpers.library import TIME_LIMIT, inngest, module

testing = module("testing")

SEED = "1743130137367,73MuJCbO8jNyDQ=="


class EventServerTest(unittest.TestCase):
    def start(self, *args, **kwargs):
        server = testing.EventServer(*args, **kwargs).start()
        self.addCleanup(server.close)
        return server

    def client(self, server, **kwargs):
        client = inngest.Inngest(app_id="t", is_production=False, event_api_base_url=server.url, **kwargs)
        self.addCleanup(client.close)
        return client

    def connect(self, server):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=TIME_LIMIT)
        self.addCleanup(connection.close)
        return connection

    def post(self, connection, body, path="/e/test", **headers):
        connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()

    def exchange(self, server, data):
        """Send bytes on a connection of their own, and no more after them; return all bytes that come back."""
        with socket.create_connection((server.host, server.port), TIME_LIMIT) as sock:
            sock.sendall(data)
            with contextlib.suppress(OSError):  # it is closed already
                sock.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(ConnectionResetError):  # it was closed before it had read everything
                while True:
                    data = sock.recv(65536)
                    if not data:
                        break
                    received += data
            return received
