"""Reads events' texts from files and pipes, as a stream: one JSON object a line, or one JSON array a file."""

from __future__ import annotations

import codecs
import json
import os
import re
import select
import stat
import sys
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Tuple

    Entry = Tuple[int, bytes]

CHUNK = 65536  # bytes
LINGER = 0.25  # seconds after which what came through a pipe is sent, when no more is there
MAX_LINE = 32 * 1024 * 1024  # bytes; an event of 3 MiB takes up to six times that when all of it is escaped
IDLE = (0, b"")
"""What a source yields when a pipe is silent: there is time to send what came."""

_BOM = codecs.BOM_UTF8
_SPACE = re.compile(r"[ \t\r\n]*")


class UnreadableError(Exception):
    """A source cannot be read on. The message names it, and says where."""


class Source:
    """One file, or standard input for ``-``; names that end with .gz are unpacked.

    Iterating yields (number, text) of each line that is not blank, or of each item of an array; a second iteration
    goes on where the first stopped. ``number`` counts from 1, blank lines included. Raises UnreadableError.

    ``position``: the number of the next line to be yielded, or of a blank one before it.
    """

    def __init__(self, path: str, position: int = 1) -> None:
        """Open the file; lines before ``position`` are read and not yielded. Raises OSError."""
        self.path = path
        self.name = "<stdin>" if path == "-" else path
        self.is_array = False
        self.position = position
        self.is_unreadable = False  # from ``position`` on
        self.bytes_read = 0
        self.size: int | None = None  # bytes, where it is known
        if path == "-":
            self._file: BinaryIO = sys.stdin.buffer
        else:
            self._file = open(path, "rb")  # noqa: SIM115  # close() closes it
        status = os.fstat(self._file.fileno())
        self.is_file = stat.S_ISREG(status.st_mode)  # else it may be silent for long, and cannot be read again
        if self.is_file:
            self.size = status.st_size or None
        self._entries = self._read()
        self._unread: list[Entry] = []

    def __iter__(self) -> Iterator[Entry]:
        while self._unread:
            entry = self._unread.pop()
            self.position = entry[0] + 1
            yield entry
        try:
            for entry in self._entries:
                if entry[0] >= self.position:
                    self.position = entry[0] + 1
                    yield entry
                elif entry is IDLE:
                    yield entry
        except UnreadableError:
            self.is_unreadable = True
            raise

    def unread(self, number: int, text: bytes) -> None:
        """Take back the line that was yielded last, so that it is yielded again. IDLE is no line, and forgotten."""
        if number:
            self._unread.append((number, text))
            self.position = number

    def close(self) -> None:
        """Close the file."""
        if self.path != "-":
            self._file.close()

    def where(self, number: int) -> str:
        """Return the place of a line or an item, for a message."""
        return f"{self.name}: item {number}" if self.is_array else f"{self.name}:{number}"

    def _read(self) -> Iterator[Entry]:
        chunks = self._chunks()
        head = b""
        for chunk in chunks:
            if not chunk:
                yield IDLE
            head += chunk
            if head.startswith(_BOM):
                head = head[len(_BOM) :]
            if head.strip() and not _BOM.startswith(head):
                break
        self.is_array = head.lstrip().startswith(b"[")
        yield from self._items(head, chunks) if self.is_array else self._lines(head, chunks)

    def _chunks(self) -> Iterator[bytes]:
        """Yield what can be read at a time, unpacked; b"" when a pipe is silent."""
        try:
            yield from _unpacked(self._read_file()) if self.path.endswith(".gz") else self._read_file()
        except (OSError, EOFError, zlib.error) as err:
            raise UnreadableError(f"{self.name}: {err}") from err

    def _read_file(self) -> Iterator[bytes]:
        can_wait = not self.is_file and os.name == "posix"
        idle_at = time.monotonic() + LINGER
        while True:
            # A steady trickle is never silent for long: what waits for LINGER is to go out all the same.
            if can_wait and not select.select([self._file], [], [], max(0.0, idle_at - time.monotonic()))[0]:
                yield b""
                idle_at = time.monotonic() + LINGER
                continue
            chunk = self._file.read1(CHUNK)  # type: ignore[attr-defined]  # BinaryIO does not tell
            if not chunk:
                return
            self.bytes_read += len(chunk)
            yield chunk

    def _lines(self, buffer: bytes, chunks: Iterator[bytes]) -> Iterator[Entry]:
        number = 0
        pieces = [buffer]
        while True:
            *lines, last = b"".join(pieces).split(b"\n")
            for line in lines:
                number += 1
                line = line.strip()
                if line:
                    yield number, line
            pieces = [last]
            size = len(last)
            for chunk in chunks:
                if not chunk:
                    yield IDLE
                    continue
                pieces.append(chunk)
                size += len(chunk)
                if b"\n" in chunk:
                    break
                if size > MAX_LINE:
                    raise UnreadableError(f"{self.where(number + 1)}: a line of more than {MAX_LINE:,} bytes")
            else:
                line = b"".join(pieces).strip()
                if line:
                    yield number + 1, line
                return

    def _items(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[Entry]:
        # What is not UTF-8 becomes a lone surrogate, which the event is then refused for, and no other item.
        decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        scan = json.JSONDecoder().raw_decode
        text = decode(head)
        at = text.index("[") + 1
        number, wanted, is_over = 1, 0, False
        while True:
            at = _skip(text, at)
            if text.startswith("]", at) and number == 1:
                break
            try:
                _, end = scan(text, at)
                after = _skip(text, end)
                if after == len(text) and not is_over:
                    raise ValueError
            except (ValueError, RecursionError) as err:
                if is_over or len(text) - at > MAX_LINE:
                    problem = "the array ends here" if is_over and at == len(text) else f"not JSON: {err}"
                    raise UnreadableError(f"{self.where(number)}: {problem}") from None
                wanted = max(CHUNK, 2 * (len(text) - at))  # doubled, so that a long item takes no quadratic time
                text, at = text[at:], 0
                while len(text) < wanted and not is_over:
                    chunk = next(chunks, None)
                    is_over = chunk is None
                    if chunk == b"":
                        yield IDLE
                    text += decode(chunk or b"", is_over)
                continue
            yield number, text[at:end].replace("\n", " ").replace("\r", " ").encode("utf-8", "surrogateescape")
            number += 1
            if text.startswith("]", after):
                at = after
                break
            if not text.startswith(",", after):
                raise UnreadableError(f"{self.where(number - 1)}: expected a comma or the end of the array after it")
            at = after + 1
        rest = text[at + 1 :] + "".join(decode(chunk) for chunk in chunks)
        if rest.strip():
            raise UnreadableError(f"{self.name}: there is text after the array")


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what the members of a .gz file hold. Raises EOFError, zlib.error.

    Not by gzip.GzipFile, which waits for a whole block of a pipe, even after a signal.
    """
    unpack = None
    for chunk in chunks:
        if not chunk:
            yield b""
        while chunk:
            if unpack is None:
                chunk = chunk.lstrip(b"\0")  # a member may be padded
                if not chunk:
                    break
                unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
            content = unpack.decompress(chunk, CHUNK)
            if content:
                yield content
            chunk = unpack.unconsumed_tail
            if unpack.eof:
                chunk, unpack = unpack.unused_data, None
    if unpack is not None:
        raise EOFError("the compressed data is cut short")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
