"""Reads the answer to one request from a channel."""

from __future__ import annotations

import http.client
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

    from .stream import ResponseFile, Stream

MAX_RESPONSE_SIZE = 16 * 1024 * 1024  # bytes; what lies beyond is not read
_CHUNK = 65536  # bytes

# The head of the answer of a server that keeps the connection open, as far as it need be looked at.
_USUAL_HEAD = re.compile(rb"HTTP/1\.1 (?!204|304)([2-5]\d\d) [^\r\n]*\r\n((?:[A-Za-z0-9-]+:[^\r\n]*\r\n)+)\r\n")


class Response:
    """A response: its status, its headers by lower-case name, and its body up to MAX_RESPONSE_SIZE."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def getheader(self, name: str) -> str | None:
        """Return the header of that name, in any letter case, or None."""
        return self.headers.get(name.lower())


def read_response(stream: Stream) -> Tuple[Response, bool]:
    """Return an answer, and whether another may follow on the connection. Raises OSError, http.client.HTTPException."""
    file = stream.makefile()
    response = _read_usual(file)
    return _read_any(file, stream) if response is None else (response, True)


class FinalResponse(http.client.HTTPResponse):
    """An answer read from ``file``. Passes over interim answers; http.client itself knows 100 only."""

    def __init__(self, file: ResponseFile, method: str) -> None:
        self._file = file
        super().__init__(self, method=method)  # type: ignore[arg-type]  # all it wants of a socket is makefile()

    def makefile(self, _: str) -> ResponseFile:
        """Return the file."""
        return self._file

    def begin(self) -> None:
        """Read the head of the final answer."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # else begin() takes itself for done
            super().begin()

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # unknown to the type checker
        if size < 0:  # http.client would read to the end of the stream, however far that is
            raise http.client.IncompleteRead(b"")
        return size

    def by_lower_case(self) -> Dict[str, str]:
        """Return the headers, by name in lower case."""
        return {name.lower(): value for name, value in self.getheaders()}


def _read_usual(file: ResponseFile) -> Optional[Response]:
    """Read an answer that came in one piece and is as simple as nearly all are; None, with nothing read, for others.

    http.client reads every head with the email package, which would be a tenth of the time of a whole send.
    """
    received = file.peek()
    head = _USUAL_HEAD.match(received)
    if head is None:
        return None
    headers: Dict[str, str] = {}
    lines = head[2].decode("latin-1").split("\r\n")[:-1]
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    length = headers.get("content-length", "")
    if len(headers) != len(lines) or "transfer-encoding" in headers or "connection" in headers:
        return None
    if length != str(len(received) - head.end()):
        return None
    return Response(int(head[1]), headers, received[head.end() :])


def _read_any(file: ResponseFile, stream: Stream) -> Tuple[Response, bool]:
    """Read an answer; return it, and whether another may follow on the connection."""
    response = FinalResponse(file, "POST")
    try:
        response.begin()
        if stream.has_ended:  # http.client takes a head that is cut short for a whole one
            raise http.client.IncompleteRead(b"")
        try:
            content = _content(response)
            is_reusable = response.isclosed() and not response.will_close and not file.has_surplus
        except (OSError, http.client.HTTPException):
            if not 400 < response.status < 500:  # others may list events that were accepted
                raise
            content, is_reusable = b"", False  # a refusal it is all the same, often cut off by who did not read it all
        return Response(response.status, response.by_lower_case(), content), is_reusable
    finally:
        response.close()


def _content(response: http.client.HTTPResponse) -> bytes:
    if response.length is not None and response.length <= MAX_RESPONSE_SIZE:
        return response.read()  # raises IncompleteRead when it is cut short, which read(n) hides
    pieces: List[bytes] = []
    size = 0
    while size < MAX_RESPONSE_SIZE:
        piece = response.read(min(_CHUNK, MAX_RESPONSE_SIZE - size))
        if not piece:
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
