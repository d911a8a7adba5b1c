"""Rows of CSV: records are cut from a stream, and each is read by the columns that the header line names.

The csv module finds where records end, since a cell may hold newlines, but it wants lines as text, forgets what it had
read, and waits for the next line. So the bytes of a record are kept beside it: they are what is yielded, counted, and
given back as they were when the record is bad; ``CsvReader.read`` then reads them again. When a pipe is silent in the
midst of a record, the csv module is stopped by an exception, and gets the lines of that record once more.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from itertools import chain

from ..serialization.encoding import encode
from .event_lines import to_json
from .json_rows import RowReader
from .json_text import BadLineError, WrongOptionError
from .output import pluralize
from .records import BOM, IDLE, MAX_LINE, UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..event import Event
    from .records import Entries, Where


class CsvReader(RowReader):
    """Reads records of CSV, whose cells are text, by the columns that ``set_columns`` was given."""

    def __init__(
        self, name: str, id_field: str | None = None, ts_field: str | None = None, delimiter: str = ","
    ) -> None:
        super().__init__(name, id_field, ts_field)
        csv.field_size_limit(MAX_LINE)  # so that the record ends where it ends, though an event may hold less
        self.dialect = csv.reader((), delimiter=delimiter, strict=True).dialect
        self._columns: list[str] = []
        self._wanted = {"--id-field": id_field, "--ts-field": ts_field}

    def set_columns(self, header: bytes) -> None:
        """Take the names from the header line. Raises BadLineError, whose message shows none: they may be a row."""
        names = self._cells(header)
        for other, word in ((",", "','"), (";", "';'"), ("\t", "'\\t'")):
            if len(names) == 1 and other in names[0] and other != self.dialect.delimiter:
                raise WrongOptionError(f"the header is one cell, with {word} in it: pass --delimiter {word}")
        seen: dict[str, int] = {}
        for number, name in enumerate(names, 1):
            if not name:
                raise BadLineError(f"the header's cell {number} is empty; each column needs a name")
            if name in seen:
                raise BadLineError(f"the header's cells {seen[name]} and {number} are the same name")
            seen[name] = number
        for option, field in self._wanted.items():
            if field is not None and field not in seen:
                raise WrongOptionError(f"{option}: the header has no column {field!a}")
        self._columns = names

    def read(self, text: bytes, id: str) -> Event:
        """Return the event of a record, as for other rows. Raises BadLineError."""
        cells = self._cells(text)
        if len(cells) != len(self._columns):
            raise BadLineError(f"{pluralize(len(cells), 'cell')}, where the header has {len(self._columns):,}")
        if cells == self._columns and len(cells) > 1:
            raise BadLineError("the header again, as where files were joined")
        row = dict(zip(self._columns, cells))
        return self._make_event(row, encode(row), id, is_plain=True)  # text, which UTF-8 can encode

    def _cells(self, text: bytes) -> list[str]:
        if b"\0" in text:  # which versions before 3.11 do not read
            raise BadLineError("a NUL byte, which no text has")
        try:
            line = text.decode()
        except UnicodeDecodeError:
            raise BadLineError("not UTF-8") from None
        lines = iter((line, ""))
        try:
            return next(csv.reader(lines, self.dialect))
        except csv.Error:  # its words differ from version to version
            is_open = not list(lines)  # more was asked for
        if is_open:
            raise BadLineError("not CSV: a quote opens a cell, and none closes it")
        way_out = "must be quoted, and each quote in it written twice"
        raise BadLineError(f"not CSV: a cell with quotes or carriage returns {way_out}")

    def _milliseconds(self, row: dict[str, str], field: str) -> int:
        """Return the time of a row, where an int is text, too."""
        value = row[field]
        if value.isdigit() and value.isascii() and len(value) < 20:
            return super()._milliseconds({field: int(value)}, field)
        return super()._milliseconds(row, field)

    def _bad_line(self, text: bytes) -> bytes:
        """Return a bad record as it can stand among events: on one line, as a str of JSON, which is no event."""
        return to_json(text.decode("utf-8", "surrogateescape"), "surrogateescape")


class _SilentError(Exception):
    """A pipe is silent, and what came ends in the midst of a record."""


class CsvRecords:
    """The records of a file, the header not among them, as (number of the first line, bytes); IDLE for silence.

    What iterating returns at its end is how many lines there were.
    """

    def __init__(self, head: bytes, chunks: Iterator[bytes], where: Where, reader: CsvReader) -> None:
        self._chunks = chain([head], chunks)
        self._where = where
        self._reader = reader
        self._pieces: list[bytes] = []  # of a line that is not whole yet
        self._size = 0  # of these, in bytes
        self._lines: deque[bytes] = deque()  # that the csv module did not have yet
        self._record: list[bytes] = []  # the lines that it had for the record it is at
        self._number = 1  # of the record's first line
        self._has_header = False

    def __iter__(self) -> Entries:
        records = csv.reader(self._feed(), self._reader.dialect)
        is_over = False
        while not is_over:
            try:
                is_over = next(records, None) is None
            except csv.Error:
                pass  # the record is bad, which is the reader's to say
            except _SilentError:
                yield IDLE
                self._lines.extendleft(reversed(self._record))
                self._record.clear()
                records = csv.reader(self._feed(), self._reader.dialect)
                continue
            number, text = self._number, b"".join(self._record).rstrip(b"\r\n")
            self._number += len(self._record)
            self._record.clear()
            if text and self._has_header:
                yield number, text
            elif text:
                self._set_columns(number, text)
        return self._number - 1

    def _set_columns(self, number: int, header: bytes) -> None:
        try:
            self._reader.set_columns(header)
        except BadLineError as err:
            problem = f"{self._where(number)}: {err}"
            raise UnreadableError(problem, is_option_wrong=isinstance(err, WrongOptionError)) from None
        self._has_header = True

    def _feed(self) -> Iterator[str]:
        """Yield line after line, as the csv module wants them. Raises _SilentError, UnreadableError."""
        size = 0  # of the record, in bytes
        while self._lines or self._read_lines():
            line = self._lines.popleft()
            if not self._record:
                size = 0
                if line.startswith(BOM):  # also where files were joined
                    line = line[len(BOM) :]
            self._record.append(line)
            size += len(line)
            self._check(size)
            # Bytes that are no text stand for themselves, so that the record ends where it would without them.
            yield line.decode("utf-8", "surrogateescape").replace("\0", "\udc00")

    def _read_lines(self) -> bool:
        """Read on until there is a whole line more, and return whether there is. Raises as ``_feed`` does."""
        is_over = True
        for chunk in self._chunks:
            if not chunk:
                raise _SilentError
            self._pieces.append(chunk)
            self._size += len(chunk)
            if b"\n" in chunk:
                is_over = False
                break
            self._check(self._size)
        lines = io.BytesIO(b"".join(self._pieces)).readlines()
        self._pieces = [] if is_over or lines[-1].endswith(b"\n") else [lines.pop()]
        self._size = sum(map(len, self._pieces))
        self._lines.extend(lines)
        return bool(lines)

    def _check(self, size: int) -> None:
        """Raise UnreadableError when a record, or a line of it, has more bytes than can be kept."""
        if size > MAX_LINE:
            problem = f"a record of more than {MAX_LINE:,} bytes; perhaps a quote is opened there and never closed"
            raise UnreadableError(f"{self._where(self._number)}: {problem}")
