"""One connection of the stand-in server: requests read, responses written, faults played."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct

from .api import KEY_NOT_FOUND, PLACEHOLDER, ids_response
from .faults import STORING
from .response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from threading import Event

    from .api import EventApi
    from .faults import Fault

_MAX_UNREAD = 256 * 1024  # bytes of an unread body for which Go's server keeps a connection
_MAX_LINE = 65536  # bytes
_MAX_BODY = 2**30  # bytes, of a body or of a chunk
_MAX_LINES = 200


class ReceivedRequest:
    """A POST as it was received.

    ``method``, ``path``, ``headers`` (names in lower case), ``body`` (bytes), and ``connection``, the number of the
    connection it came on, from 1.
    """

    __slots__ = ("body", "connection", "headers", "method", "path")

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes, connection: int) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.connection = connection

    def __repr__(self) -> str:  # without the path, which holds the event key
        return f"<{self.method} of {len(self.body):,} bytes on connection {self.connection}>"


class Connection:
    """Serves one client until it closes the connection. ``closing`` ends waits."""

    def __init__(
        self,
        sock: socket.socket,
        number: int,
        api: EventApi,
        *,
        closing: Event,
        next_fault: Callable[[], Fault | None],
        on_request: Callable[[ReceivedRequest], None],
    ) -> None:
        self._socket = sock
        self._number = number
        self._api = api
        self._closing = closing
        self._next_fault = next_fault
        self._on_request = on_request

    def serve(self, ssl_context: ssl.SSLContext | None) -> None:
        """Respond to requests. Raises OSError when the client goes away, ValueError when it does not speak HTTP."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ssl_context is not None:
            self._socket = ssl_context.wrap_socket(self._socket, server_side=True)
        with self._socket.makefile("rb") as self._reader:
            while self._serve_one():
                pass

    def shut_down(self) -> None:
        """End the connection, from another thread."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _serve_one(self) -> bool:
        """Respond to one request; return whether another may follow."""
        line = self._reader.readline(_MAX_LINE)
        if not line.strip():
            return bool(line)
        method, path, version = line.decode("latin-1").split()
        headers = self._read_headers()
        fault = self._next_fault() if method == "POST" else None
        if fault is not None and fault.kind == "reset":
            self._reset()
            return False
        is_early = fault is not None and fault.kind == "early_401"
        response = KEY_NOT_FOUND if is_early else self._api.respond(method, path, headers)
        if response is not None and (fault is not None or _content_length(headers) > _MAX_UNREAD):
            self._write(response)
            return False
        body = self._read_body(headers)
        if method == "POST":
            self._on_request(ReceivedRequest(method, path, headers, body, self._number))
        if fault is not None:
            return self._play(fault, headers, body)
        self._write(response or self._api.receive(headers, body), with_body=method != "HEAD")
        return version != "HTTP/1.0" and headers.get("connection", "").lower() != "close"

    def _read_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(_MAX_LINES):
            line = self._reader.readline(_MAX_LINE)
            if line in (b"\r\n", b"\n"):
                return headers
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                break
            headers[name.lower()] = value.strip()
        raise ValueError("not HTTP")

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._read_exactly(_content_length(headers))
        chunks: list[bytes] = []
        while True:
            size = _number(self._reader.readline(_MAX_LINE).partition(b";")[0].strip(), 16)
            if not size:
                self._read_headers()  # the trailer
                return b"".join(chunks)
            chunks.append(self._read_exactly(size))
            self._reader.readline(_MAX_LINE)

    def _read_exactly(self, size: int) -> bytes:
        body = self._reader.read(size)
        if len(body) < size:
            raise ValueError("the body was cut short")
        return body

    def _play(self, fault: Fault, headers: dict[str, str], body: bytes) -> bool:
        """Do what a fault says; return whether another request may follow."""
        response = self._api.receive(headers, body) if fault.kind in STORING else PLACEHOLDER
        if fault.kind in ("status", "stored_status"):
            self._write(Response(fault.status, fault.headers, fault.body))
        elif fault.kind == "stored_reset":
            self._reset()
            return False
        elif fault.kind == "truncated":
            data = _head(response) + response.body
            self._socket.sendall(data[: len(data) - len(response.body) // 2])
            return False
        elif fault.kind == "drip":
            data = _head(response) + response.body
            for at in range(len(data)):
                self._closing.wait(fault.seconds)
                self._socket.sendall(data[at : at + 1])
        elif fault.kind == "delay":
            self._closing.wait(fault.seconds)
            self._write(response)
        elif fault.kind == "idle_death":
            self._write(response)
            while self._reader.read1(_MAX_LINE):
                pass
            return False
        elif fault.kind == "compressed":
            import gzip

            zipped = {**response.headers, "Content-Encoding": "gzip"}
            self._write(Response(response.status, zipped, gzip.compress(response.body)))
        elif fault.kind == "no_ids":
            self._write(Response(200, response.headers, b"{}"))
        elif fault.kind == "short_ids":
            self._write(ids_response(200, json.loads(response.body.decode())["ids"][:-1]))
        else:
            self._write(response)
        return fault.kind != "idle_close"

    def _write(self, response: Response, with_body: bool = True) -> None:
        self._socket.sendall(_head(response) + (response.body if with_body else b""))

    def _reset(self) -> None:
        # SO_LINGER of 0 s: close() sends RST instead of FIN. The reader must not keep the descriptor open.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._reader.close()
        self._socket.close()


def _content_length(headers: dict[str, str]) -> int:
    return _number(headers.get("content-length", "0").encode("latin-1"), 10)


def _number(digits: bytes, base: int) -> int:
    number = int(digits, base) if digits.isalnum() else -1  # int() would take signs, spaces and underscores
    if not 0 <= number <= _MAX_BODY:
        raise ValueError("not HTTP")
    return number


def _head(response: Response) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {http.client.responses.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [f"Content-Length: {len(response.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1")
