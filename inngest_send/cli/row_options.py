"""The options of rows, and who reads which file."""

from __future__ import annotations

import contextlib
import os

from ..errors import ArgumentInvalidError, EventInvalidError
from ..event import Event
from .csv_rows import CsvReader
from .event_lines import EVENT_FIELDS, EventReader
from .json_rows import RowReader
from .json_text import BadLineError, read_json
from .records import UnreadableError
from .source import Source
from .unsent import is_same_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("rows", "lines that are no events, but each the data of one")
    group.add_argument("--as", dest="row_name", metavar="NAME", help="the name of their events")
    group.add_argument("--id-field", metavar="FIELD", help="make the id of NAME, a hyphen and this field's value")
    group.add_argument(
        "--ts-field", metavar="FIELD", help="take the time from it: milliseconds since 1970, or 2026-08-31T12:00:00Z"
    )
    group.add_argument("--csv", action="store_true", help="read CSV, as from files named .csv or .csv.gz")
    group.add_argument("--delimiter", metavar="CHARACTER", help="in CSV (default: a comma; '\\t' is a tab)")


def check_usage(arguments: argparse.Namespace) -> None:
    """Raise ArgumentInvalidError for what cannot work."""
    if arguments.unsent is not None and _has_csv_name(arguments.unsent):
        raise ArgumentInvalidError(f"--unsent {arguments.unsent}: it gets events as JSON, so it must not be called CSV")
    if arguments.row_name is None:
        _check_events(arguments)
    elif not arguments.file:
        raise ArgumentInvalidError("--as NAME goes with --file, each row of which is the data of an event")
    else:
        _check_rows(arguments)


def _check_events(arguments: argparse.Namespace) -> None:
    for option in ("id_field", "ts_field", "csv", "delimiter"):
        if getattr(arguments, option):
            raise ArgumentInvalidError(f"--{option.replace('_', '-')} goes with --as NAME, and with --file")
    for path in arguments.file:
        if _has_csv_name(path):
            raise ArgumentInvalidError(f"{path} holds rows: say with --as NAME what events they are")


def _check_rows(arguments: argparse.Namespace) -> None:
    try:
        Event(arguments.row_name)
    except EventInvalidError as err:
        raise ArgumentInvalidError(f"--as: {err}") from None
    delimiter = _delimiter(arguments)
    if len(delimiter) != 1 or delimiter in '"\r\n ':
        raise ArgumentInvalidError("--delimiter: expected one character, as ';', or '\\t' for a tab")
    if arguments.delimiter is not None and not (arguments.csv or any(map(_has_csv_name, arguments.file))):
        raise ArgumentInvalidError("--delimiter is for CSV: files whose names end with .csv, or --csv")
    for path in arguments.file:
        if _is_unsent(arguments, path) and os.path.isfile(path):
            _check_unsent(arguments, path)


def _check_unsent(arguments: argparse.Namespace, path: str) -> None:
    """Refuse a file of rows as the one that gets events: its rows would be replaced."""
    source = Source(path, EventReader())
    first = b""
    with contextlib.closing(source), contextlib.suppress(UnreadableError):  # which the run will say
        first = next((text for number, text in source if number), b"")
    try:
        row = read_json(first)
    except BadLineError:
        has_rows = bool(first) and arguments.csv
    else:
        has_rows = isinstance(row, dict) and not _may_be_left(row)
    if has_rows:
        problem = f"{path} holds rows, not events of an earlier run; give --unsent a file of its own"
        raise ArgumentInvalidError(problem)


def _may_be_left(fields: dict[str, object]) -> bool:
    """Tell an event from a row. Of a row that an earlier run could not read only the data stands there."""
    return EVENT_FIELDS.issuperset(fields) and ("name" in fields or set(fields) == {"data"})


def reader_of(arguments: argparse.Namespace, path: str) -> EventReader | RowReader:
    """Return what makes events of the lines of a file. What an earlier run left holds events, never rows."""
    if arguments.row_name is None or _is_unsent(arguments, path):
        return EventReader()
    options = arguments.row_name, arguments.id_field, arguments.ts_field
    if arguments.csv or _has_csv_name(path):
        return CsvReader(*options, _delimiter(arguments))
    return RowReader(*options)


def _is_unsent(arguments: argparse.Namespace, path: str) -> bool:
    return arguments.unsent is not None and path != "-" and is_same_file(path, arguments.unsent)


def _has_csv_name(path: str) -> bool:
    return path.lower().endswith((".csv", ".csv.gz"))


def _delimiter(arguments: argparse.Namespace) -> str:
    delimiter: str | None = arguments.delimiter
    return "," if delimiter is None else delimiter.replace("\\t", "\t")
