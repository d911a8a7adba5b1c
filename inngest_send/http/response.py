"""Reads the response to one request from a stream.

Nearly every response comes in one piece, with a Content-Length and nothing unusual in its head. Such a one is read
here, with one pattern. All others are read by http.client, whose reading of heads, with the email package, would be a
tenth of the time of a whole send. Both come to the same, which a test shows for each kind of response.

http.client believes what a response says of its size. How much it may read is bounded at the file that it reads from:
it refuses to read a piece, or a whole, that is larger than any response of the Event API.
"""

from __future__ import annotations

import http.client
import io
import re

from ..runtime.signals import raise_if_from_signal_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .stream import Stream

MAX_RESPONSE_SIZE = 16 * 1024 * 1024  # bytes of a body, packed and unpacked
_MAX_HEAD_SIZE = 1024 * 1024  # bytes, with all informational responses before it and all sizes of chunks

# ASCII only, so that no codec is needed: at the end of the interpreter there may be none any more.
_USUAL_HEAD = re.compile(rb"HTTP/1\.1 (?!204|304)([2-5]\d\d) ([ -~]*)\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)+)\r\n")
_UNUSUAL_HEADERS = frozenset(("transfer-encoding", "connection", "content-encoding"))


class Response(io.BytesIO):
    """A response as urllib returns it, for whoever wraps its opener; read already.

    ``body``: the whole body, unpacked; b"" where it is longer than MAX_RESPONSE_SIZE. ``url`` is the request's.
    ``encoding``: the Content-Encoding that the body is still in, since it cannot be unpacked here; else "".
    """

    encoding = ""
    url = ""

    def __init__(
        self, status: int, headers: dict[str, str], body: bytes, *, reason: str = "", version: int = 11
    ) -> None:
        """``headers``: by name in lower case. ``version``: 11 for HTTP/1.1, as in http.client."""
        super().__init__(body)
        self.status = self.code = status
        self.reason = self.msg = reason
        self.version = version
        self.body = body
        self._headers = headers

    @property
    def headers(self) -> http.client.HTTPMessage:
        """The headers as urllib has them."""
        message = http.client.HTTPMessage()
        for name, value in self._headers.items():
            message[name] = value
        return message

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return the header of that name, in any letter case."""
        return self._headers.get(name.lower(), default)

    def getheaders(self) -> list[tuple[str, str]]:
        """Return all headers."""
        return list(self._headers.items())

    def getcode(self) -> int:
        """Return the status."""
        return self.status

    def geturl(self) -> str:
        """Return the URL of the request."""
        return self.url

    def info(self) -> http.client.HTTPMessage:
        """Return the headers."""
        return self.headers


def read_response(stream: Stream) -> tuple[Response, bool]:
    """Return a response, and whether another may follow on the connection. Raises OSError, HTTPException."""
    received = stream.receive()
    response = _read_usual(received)
    return _read_any(stream, received) if response is None else (response, True)


class TooLarge(http.client.HTTPException):
    """A response is larger than any that is believed."""


class FinalResponse(http.client.HTTPResponse):
    """A response read from a stream. Passes over informational ones; http.client itself knows 100 only."""

    def __init__(self, stream: Stream, received: bytes = b"") -> None:
        """``received`` has been read from the stream already."""
        self.file = _ResponseFile(_Reader(stream, received))
        super().__init__(self)  # type: ignore[arg-type]  # all it wants of a socket is makefile()

    def makefile(self, _: str) -> _ResponseFile:
        """Return the file."""
        return self.file

    def begin(self) -> None:
        """Read the head of the final response."""
        super().begin()
        while self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # else begin() takes itself for done
            super().begin()

    def read_whole(self) -> bytes:
        """Return the body. Raises IncompleteRead when it is cut short, and TooLarge."""
        if self.length is not None and self.length > MAX_RESPONSE_SIZE:
            self.file.read()  # raises TooLarge, unless less comes than was announced
            raise http.client.IncompleteRead(b"")
        return self.read()

    def by_lower_case(self) -> dict[str, str]:
        """Return the headers, by name in lower case."""
        return {name.lower(): value for name, value in self.getheaders()}


class _ResponseFile(io.BufferedReader):
    """A file to read one response from. ``has_surplus``, once it is closed: more had come than was read."""

    has_surplus = False

    def read(self, size: int | None = None) -> bytes:
        """Return ``size`` bytes, or all there are. Raises TooLarge where that is more than can be."""
        if size is None:
            return super().read()
        if size < 0:  # the size of a chunk, which http.client does not look at
            raise http.client.IncompleteRead(b"")
        if size > MAX_RESPONSE_SIZE:
            raise TooLarge
        return super().read(size)

    def close(self) -> None:
        """Close the file, not the stream."""
        self.raw.is_over = True  # type: ignore[attr-defined]  # so that peek() reads nothing more
        self.has_surplus = bool(self.peek())
        super().close()


class _Reader(io.RawIOBase):
    is_over = False

    def __init__(self, stream: Stream, received: bytes) -> None:
        self._stream = stream
        self._received = received
        self._left = MAX_RESPONSE_SIZE + _MAX_HEAD_SIZE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.is_over:
            return 0
        size = len(buffer)
        if self._received:
            received, self._received = self._received[:size], self._received[size:]
        else:
            received = self._stream.receive(size)
        self._left -= len(received)
        if self._left < 0:
            raise TooLarge
        buffer[: len(received)] = received
        return len(received)


def _read_usual(received: bytes) -> Response | None:
    """Return the response that came in one piece and is as simple as nearly all are; None where it is not."""
    head = _USUAL_HEAD.match(received)
    if head is None:
        return None
    status, reason, text = head.groups()
    lines = text.decode().split("\r\n")[:-1]
    headers = {name.lower(): value.strip() for name, value in [line.split(":", 1) for line in lines]}
    body = received[head.end() :]
    if len(headers) != len(lines) or not _UNUSUAL_HEADERS.isdisjoint(headers):
        return None
    if headers.get("content-length") != str(len(body)):
        return None
    return Response(int(status), headers, body, reason=reason.decode())


def _read_any(stream: Stream, received: bytes) -> tuple[Response, bool]:
    """Return a response, and whether another may follow on the connection."""
    reader = FinalResponse(stream, received)
    try:
        reader.begin()
        if stream.has_ended:  # http.client takes a head that is cut short for a whole one
            raise http.client.IncompleteRead(b"")
        body, is_reusable, encoding = b"", False, ""
        try:
            body = reader.read_whole()
            is_reusable = reader.isclosed() and not reader.will_close and not reader.file.has_surplus
            body, encoding = _unpack(body, reader.getheader("content-encoding", ""))
        except TooLarge:
            pass  # nothing of its body can be believed, but its status can
        except (OSError, http.client.HTTPException) as err:
            raise_if_from_signal_handler(err, converted=True)
            if not 400 < reader.status < 500:  # others may list events that were accepted
                raise
            # A 4xx counts even if its body was cut off, as servers do that did not read all of the request.
        response = Response(reader.status, reader.by_lower_case(), body, reason=reader.reason, version=reader.version)
        response.encoding = encoding
        return response, is_reusable
    finally:
        reader.close()


def _unpack(body: bytes, encoding: str) -> tuple[bytes, str]:
    """Return a body without its Content-Encoding, and the encoding where that cannot be done. Raises TooLarge."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body, ""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return b"", encoding
    try:
        import zlib  # for gateways that pack what they were asked not to
    except ImportError:
        return b"", encoding
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip and zlib tell themselves; some send bare deflate
        unpacker = zlib.decompressobj(window)
        try:
            unpacked = unpacker.decompress(body, MAX_RESPONSE_SIZE + 1)
        except zlib.error:
            continue
        if len(unpacked) > MAX_RESPONSE_SIZE:
            raise TooLarge
        if unpacker.eof:
            return unpacked, ""
    return b"", encoding
