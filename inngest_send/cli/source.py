"""One file or standard input, as a stream of records that are numbered."""

from __future__ import annotations

import os
import stat
import sys
import zlib

from ..errors import ArgumentInvalidError
from .chunks import read_chunks, unpack, unpack_if_gzip
from .csv_rows import CsvReader, CsvRecords
from .records import BOM, IDLE, UnreadableError, split_array, split_lines, wrong_encoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from .event_lines import EventReader
    from .json_rows import RowReader
    from .records import Entry


class Source:
    """One file, or standard input for ``-``; what is compressed is unpacked.

    Iterating yields (number, text) of each line that is not blank, or of each item of an array; a second iteration
    goes on where the first stopped. ``number`` counts from 1, blank lines included. Raises UnreadableError, and
    ArgumentInvalidError when it ends before ``position``.

    ``reader``: what makes an event of such a text.
    ``position``: the number of the next line to be yielded, or of a blank one before it.
    ``is_finished``: it was read to its end, and no line was given back since.
    ``warning``: what was wrong with it though it could be read to its end, "" for nothing.
    """

    def __init__(self, path: str, reader: EventReader | RowReader, position: int = 1) -> None:
        """See that the file can be read; lines before ``position`` are not yielded. Raises OSError.

        A regular file is opened again when its turn comes, since there may be more of them than descriptors. What is
        none is opened once and kept: a pipe's writer would see it close.
        """
        self.path = path
        self.reader = reader
        self.name = "<stdin>" if path == "-" else path
        self.is_array = False
        self.position = position
        self.is_unreadable = False  # from ``position`` on
        self.is_finished = False
        self.bytes_read = 0
        self.size: int | None = None  # bytes, where it is known
        self.warning = ""
        self._count = 0  # lines or items, once all were read
        self._file = self._open()
        status = os.fstat(self._file.fileno())
        self.is_file = stat.S_ISREG(status.st_mode)  # else it may be silent for long, and cannot be read again
        if self.is_file:
            self.size = status.st_size or None
            self.close()
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
        self.is_finished = not self.is_unreadable
        if self.position > self._count + 1 and not self.is_unreadable:
            size = f"{self._count:,} {'items' if self.is_array else 'lines'}"
            raise ArgumentInvalidError(f"--resume-from {self.position}: {self.name} has {size}, so nothing is there")

    def unread(self, number: int, text: bytes) -> None:
        """Take back the line that was yielded last, so that it is yielded again. IDLE is no line, and forgotten."""
        if number:
            self._unread.append((number, text))
            self.is_finished = False
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
            while head.startswith(BOM):
                head = head[len(BOM) :]
            if len(head) > 1 and head.strip() and not BOM.startswith(head):
                break
        problem = wrong_encoding(head)
        if problem:
            raise UnreadableError(f"{self.name}: {problem}")
        if isinstance(self.reader, CsvReader):
            self._count = yield from CsvRecords(head, chunks, self.where, self.reader)
            return
        self.is_array = head.lstrip().startswith(b"[")
        self._count = yield from (split_array if self.is_array else split_lines)(head, chunks, self.where)

    def _chunks(self) -> Iterator[bytes]:
        """Yield what can be read at a time, unpacked; b"" when a pipe is silent."""
        try:
            if self._file.closed:
                self._file = self._open()
            chunks = self._count_bytes(read_chunks(self._file, self.is_file))
            surplus = yield from (unpack if self.path.endswith(".gz") else unpack_if_gzip)(chunks)
        except (OSError, EOFError, zlib.error) as err:
            problem = getattr(err, "strerror", None) or err
            raise UnreadableError(f"{self.where(self.position)}: {problem}; it cannot be read from there on") from err
        if surplus:
            self.warning = f"{self.name}: ignored what follows the compressed data"

    def _count_bytes(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.bytes_read += len(chunk)
            yield chunk

    def _open(self) -> BinaryIO:
        return sys.stdin.buffer if self.path == "-" else open(self.path, "rb")
