"""Servers that behave as a test scripts them, byte by byte, on real sockets."""

import contextlib
import functools
import itertools
import json
import logging
import math
import os
import socket
import struct
import threading
from unittest import mock

from tests.helpers.library import NAME, TIME_LIMIT, inngest, module

KEY = "the-event-key"
EVENT = inngest.Event(name="test/event")
LARGE = [inngest.Event(name="test/large", data={"text": "x" * 2000000})] * 2  # one request
SMALL_BUFFER = 65536  # bytes

logging.getLogger(NAME).addHandler(logging.NullHandler())  # else the warnings would go to standard error

CERTIFICATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "certificates")


class Request:
    """A request as it was received; header names in lower case."""

    def __init__(self, method, path, headers, body):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def events(self):
        return json.loads(self.body.decode())

    def __repr__(self):
        return f"<{self.method} of {len(self.body)} bytes>"


class Peer:
    """The server's end of one connection."""

    _ids = itertools.count(1)

    def __init__(self, server, sock):
        self.server = server
        self.socket = sock
        self.reader = sock.makefile("rb")

    def read_head(self):
        """Return a request without its body, or None at the end of the stream."""
        line = self.reader.readline()
        if not line:
            return None
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        for line in iter(self.reader.readline, b"\r\n"):
            if not line:
                return None
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(method, path, headers, b"")

    def read(self):
        """Return the next request, or None at the end of the stream, and note it in ``server.requests``."""
        request = self.read_head()
        if request is not None:
            request.body = self.reader.read(int(request.headers.get("content-length", 0)))
            self.server.requests.append(request)
        return request

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, status=200, body=b"", headers=(), reason="Reason"):
        """Send an answer with a Content-Length. ``body`` is bytes, or an object to send as JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in dict(headers).items()]
        self.send("\r\n".join(head + ["", ""]).encode("latin-1") + body)

    def accept(self, request):
        """Answer as the Event API does when it accepts everything; return the ids."""
        ids = [f"ID{next(self._ids)}" for _ in request.events]
        self.answer(200, {"ids": ids, "status": 200}, {"Content-Type": "text/plain; charset=utf-8"})
        return ids

    def serve(self):
        """Accept every request until the client closes the connection."""
        while True:
            request = self.read()
            if request is None:
                return
            self.accept(request)

    def reset(self):
        """Close the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def is_silent(self):
        """Say that nothing more will come; see SkippedWaits."""
        self.is_slow(math.inf)

    def is_slow(self, seconds):
        """Say how long the client waits for each piece of what comes; see SkippedWaits."""
        self.server.delays[self.socket.getpeername()[1]] = seconds

    def close(self):
        self.reader.close()
        self.socket.close()


def needs_localhost(test):
    """Skip a test where neither a file nor a name server knows that name, as in a chroot without /etc/hosts."""

    @functools.wraps(test)
    def found(self):
        try:
            socket.getaddrinfo("localhost", None)
        except socket.gaierror:
            self.skipTest("needs a system that knows localhost")
        test(self)

    return found


class ScriptedServer:
    """Runs one script for each connection, each on a thread of its own: ``script(peer)``.

    ``scripts`` serve the first connections, one each; ``then`` serves those after them. When a script ends its
    connection is closed. With ``receive_buffer``, in bytes, large requests do not fit into it unread.

    ``requests`` holds what was read, ``connections`` how many there were. An exception in a
    script, other than one that the client's end of the connection caused, is raised by ``close``.
    """

    def __init__(self, *scripts, then=Peer.serve, ssl_context=None, host="127.0.0.1", receive_buffer=None):
        self.requests = []
        self.connections = 0
        self.errors = []
        self.delays = {}  # in seconds, by the client's port; see SkippedWaits
        self.finished = threading.Event()  # set by close(): what a silent script waits for
        self._scripts = list(scripts)
        self._then = then
        self._ssl_context = ssl_context
        self._peers = []
        self._threads = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((host, 0))
        self._listener.listen(1024)
        self.host, self.port = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self):
        scheme = "http" if self._ssl_context is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/"

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()
        if kind is None and self.errors:
            raise self.errors[0]

    def close(self):
        """Close every socket and wait for the scripts to end."""
        self.finished.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        with self._lock:
            peers, threads = list(self._peers), list(self._threads)
        for sock in peers:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.delays.pop(address[1], None)  # of an earlier client at this port
            with self._lock:
                script = self._scripts.pop(0) if self._scripts else self._then
                self.connections += 1
                thread = threading.Thread(target=self._run, args=(script, sock), daemon=True)
                self._peers.append(sock)
                self._threads.append(thread)
                thread.start()

    def _run(self, script, sock):
        try:
            if self._ssl_context is not None:
                tls = self._ssl_context.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._peers[self._peers.index(sock)] = tls
                sock = tls
            peer = Peer(self, sock)
            try:
                script(peer)
            finally:
                peer.close()
        except OSError:
            pass  # the client's end went away, as in many tests it should
        except Exception as error:
            self.errors.append(error)
        finally:
            sock.close()


def silent(peer):
    """A script that reads nothing and says nothing."""
    peer.is_silent()
    peer.server.finished.wait()


def name_ids(peer):
    """A script whose ids say which event they belong to."""
    while True:
        request = peer.read()
        if request is None:
            return
        peer.answer(200, {"ids": ["id of " + event["name"] for event in request.events], "status": 200})


def answering(*args, **kwargs):
    """Return a script that gives every request the same answer; the arguments are those of ``Peer.answer``."""

    def script(peer):
        while peer.read() is not None:
            peer.answer(*args, **kwargs)

    return script


def accepted(peer):
    """A script that accepts one request."""
    peer.accept(peer.read())


def lost(peer):
    """A script that reads a request and hangs up."""
    peer.read()


def reset(peer):
    """A script that reads a request and resets the connection."""
    peer.read()
    peer.reset()


def once(*args, **kwargs):
    """Return a script that gives one request this answer."""

    def script(peer):
        peer.read()
        peer.answer(*args, **kwargs)

    return script


def then(*scripts):
    """Return a script in which each of the scripts, of one request each, has its turn on one connection."""

    def script(peer):
        for each in scripts:
            each(peer)

    return script


class Held:
    """A server's script that answers its first request when it may."""

    def __init__(self):
        self.arrived = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self, peer):
        request = peer.read()
        self.arrived.set()
        self.may_answer.wait(TIME_LIMIT)
        peer.accept(request)
        peer.serve()


class Deaf:
    """A server's script that never answers, and tells when the client has hung up."""

    def __init__(self):
        self.arrived = threading.Event()
        self.hung_up = threading.Event()

    def __call__(self, peer):
        try:
            while peer.socket.recv(65536):
                self.arrived.set()
        finally:
            self.hung_up.set()


def server_context(name="server"):
    """Return the context of a TLS server with one of the certificates made for the tests."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = os.path.join(CERTIFICATES, name)
    context.load_cert_chain(path + ".pem", path + ".key")
    return context


def client_context():
    """Return the context of a client that trusts the tests' own authority and no other."""
    import ssl

    return ssl.create_default_context(cafile=os.path.join(CERTIFICATES, "authority.pem"))


def events_of(count):
    """Return so many events."""
    return [inngest.Event(name=f"event {index}") for index in range(count)]


def client_for(server, **options):
    """Return a client that sends to ``server``; ``options`` are further arguments, or others."""
    settings = {"app_id": "test", "event_key": KEY, "event_api_base_url": server.url}
    return inngest.Inngest(**{**settings, **options})


def failure_of(client, events=EVENT, **options):
    """Return the SendEventsError of a send that must fail."""
    try:
        ids = client.send_sync(events, **options)
    except inngest.SendEventsError as error:
        return error
    raise AssertionError(f"accepted: {ids}")


def without_delays():
    """Return a context manager in which a retry follows at once, unless the server asks to wait."""
    return mock.patch.multiple(module("retry"), BASE_DELAY=0, MAX_JITTER=0)


def resolving_to(*addresses):
    """Return a context manager in which every host name has these addresses."""
    infos = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]
    return mock.patch("socket.getaddrinfo", return_value=infos)
