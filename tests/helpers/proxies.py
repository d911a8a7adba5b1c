"""A real proxy for the tests: CONNECT and plain http, with or without credentials."""

import base64
import contextlib
import http.client
import os
import select
import socket
from unittest import mock
from urllib.parse import urlsplit

from tests.helpers.servers import ScriptedServer


class Proxy(ScriptedServer):
    """Forwards everything to one server, whatever host it is asked for.

    ``credentials``, as ``user:password``, are asked for with 407. ``refusals`` are the statuses of the first answers.
    ``requests`` holds what the proxy was asked, CONNECT requests too, and ``connections`` counts its clients.
    """

    def __init__(self, upstream, *, credentials=None, refusals=()):
        super().__init__(then=self._serve)
        self._upstream = upstream.host, upstream.port
        self._authorization = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()
        self._refusals = list(refusals)

    @property
    def tunnels(self):
        """The hosts and ports that the proxy was asked to CONNECT to."""
        return [request.path for request in self.requests if request.method == "CONNECT"]

    def _serve(self, peer):
        while True:
            request = peer.read()
            if request is None:
                return
            if self._refusals:
                peer.answer(self._refusals.pop(0), b"<h1>refused</h1>")
            elif self._authorization and request.headers.get("proxy-authorization") != self._authorization:
                peer.answer(407, b"<h1>who are you?</h1>", {"Proxy-Authenticate": "Basic"})
            elif request.method == "CONNECT":
                peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._tunnel(peer)
                return
            else:
                self._forward(peer, request)

    def _tunnel(self, peer):
        with socket.socket() as server:
            server.connect(self._upstream)
            other = {peer.socket: server, server: peer.socket}
            while True:
                for sock in select.select(list(other), [], [])[0]:
                    data = sock.recv(65536)
                    if not data:
                        return
                    other[sock].sendall(data)

    def _forward(self, peer, request):
        headers = {name: value for name, value in request.headers.items() if not name.startswith("proxy-")}
        connection = http.client.HTTPConnection(*self._upstream)
        with contextlib.closing(connection):
            connection.request(request.method, urlsplit(request.path).path, request.body, headers)
            answer = connection.getresponse()
            peer.answer(answer.status, answer.read())


def proxied(**variables):
    """Return a context manager in which the environment holds these variables, and nothing else."""
    return mock.patch.dict(os.environ, variables, clear=True)
