"""The server that the contestants send to, in a process of its own: as little as an Event API can do.

It is not the library's EventServer: that one reads the JSON and derives ids, which takes longer than a send does. Here
the events of a request are counted by a mark in their names, and the answer to so many events is made once.
"""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time

from tests.benchmark.events import NAME
from tests.helpers.library import ROOT

MARK = f'"{NAME}"'.encode()  # once in each event of a request
DELAY = 0.05  # seconds that the slow server takes for an answer
ROUND_TRIP = 0.04  # seconds that the far server is away

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Server:
    """The server's process. ``urls`` has "plain", "tls", "slow" (DELAY for each answer), "far" (ROUND_TRIP away)."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.urls = json.loads(self._process.stdout.readline().decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()  # which ends it
        self._process.wait()
        self._process.stdout.close()

    def totals(self):
        """Return what came so far: "connections", by the names of ``urls``, and "cpu", the seconds it took."""
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline().decode())


class _Listener:
    """Serves each connection on a thread of its own: a blocking read is the fastest way to wait for a request."""

    def __init__(self, delay=0.0, ssl_context=None):
        self.connections = 0
        self._delay = delay
        self._ssl_context = ssl_context
        self._socket = _listening_socket()
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            sock, _ = self._socket.accept()
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._ssl_context is not None:
                sock = self._ssl_context.wrap_socket(sock, server_side=True)
            while self._serve_one(sock):
                pass
        except OSError:
            pass  # the client went away
        finally:
            sock.close()

    def _serve_one(self, sock):
        """Answer one request; return whether another may follow."""
        received = sock.recv(65536)
        while b"\r\n\r\n" not in received:
            piece = sock.recv(65536)
            if not piece:
                return False
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(_LENGTH.search(head).group(1))
        if len(body) < length:
            body = _read_rest(sock, body, length)
        if self._delay:
            time.sleep(self._delay)
        sock.sendall(_answer(body.count(MARK)))
        return _CLOSE.search(head) is None


def _read_rest(sock, begun, length):
    body = bytearray(length)
    body[: len(begun)] = begun
    rest = memoryview(body)[len(begun) :]
    while rest:
        count = sock.recv_into(rest)
        if not count:
            raise ConnectionError("the body was cut short")
        rest = rest[count:]
    return body


_answers = {}


def _answer(count):
    answer = _answers.get(count)
    if answer is None:
        ids = [f"01BENCHMARK{index:015}" for index in range(count)]  # as long as a ULID
        body = json.dumps({"ids": ids, "status": 200}, separators=(",", ":")).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = _answers[count] = head.encode() + body
    return answer


class _FarAway:
    """A proxy that lets what it passes on take half of ROUND_TRIP, in either direction, however much of it there is."""

    def __init__(self, port):
        self.connections = 0
        self._target = port
        self._socket = _listening_socket()
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=lambda: asyncio.new_event_loop().run_until_complete(self._run()), daemon=True).start()

    async def _run(self):
        self._server = await asyncio.start_server(self._pass_on, sock=self._socket)
        await asyncio.get_event_loop().create_future()  # for ever

    async def _pass_on(self, reader, writer):
        self.connections += 1
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target)
        # The client's connect() took no time, as it would have from afar; what it sends first makes up for that.
        opened = asyncio.get_event_loop().time() + ROUND_TRIP
        await asyncio.gather(_pipe(reader, target_writer, opened), _pipe(target_reader, writer, opened))


async def _pipe(reader, writer, opened):
    loop = asyncio.get_event_loop()
    while True:
        try:
            data = await reader.read(65536)
        except OSError:
            data = b""
        at = max(loop.time(), opened) + ROUND_TRIP / 2
        if not data:
            loop.call_at(at, writer.close)
            return
        loop.call_at(at, writer.write, data)


def _listening_socket():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    return listener


def main():
    """Serve until standard input ends; answer each line of it with the totals so far."""
    from tests.helpers.servers import server_context

    plain = _Listener()
    listeners = {
        "plain": plain,
        "tls": _Listener(ssl_context=server_context()),
        "slow": _Listener(delay=DELAY),
        "far": _FarAway(plain.port),
    }
    scheme = {"tls": "https"}
    urls = {name: f"{scheme.get(name, 'http')}://127.0.0.1:{it.port}/" for name, it in listeners.items()}
    print(json.dumps(urls), flush=True)
    for _ in sys.stdin:
        connections = {name: listener.connections for name, listener in listeners.items()}
        print(json.dumps({"connections": connections, "cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()
