"""The options of rows, and who reads which file."""

from __future__ import annotations

import os

from ..errors import ArgumentInvalidError, EventInvalidError
from ..event import Event
from .csv_rows import CsvReader
from .lines import EventReader
from .rows import RowReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_CSV = (".csv", ".csv.gz")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("rows", "lines that are no events, but each the data of one")
    group.add_argument(
        "--as", dest="row_name", metavar="NAME", help="the name of the events; .csv files, also .csv.gz, need it"
    )
    group.add_argument("--id-field", metavar="FIELD", help="NAME-VALUE of this field is the event's id")
    group.add_argument(
        "--ts-field", metavar="FIELD", help="its time: milliseconds since 1970, or as 2026-08-31T12:00:00Z"
    )
    group.add_argument("--csv", action="store_true", help="read CSV whatever the name is, as from standard input")
    group.add_argument("--delimiter", metavar="CHARACTER", help="of CSV (default: a comma; a tab is '\\t')")


def check_usage(arguments: argparse.Namespace) -> None:
    """Raise ArgumentInvalidError for what cannot work."""
    if arguments.row_name is None:
        for option in ("id_field", "ts_field", "csv", "delimiter"):
            if getattr(arguments, option):
                raise ArgumentInvalidError(f"--{option.replace('_', '-')} goes with --as NAME, and with --file")
        for path in arguments.file:
            if path.endswith(_CSV) and not _is_same(path, arguments.unsent):
                raise ArgumentInvalidError(f"{path} holds rows: say with --as NAME what events they are")
        return
    if not arguments.file:
        raise ArgumentInvalidError("--as NAME goes with --file, each row of which is the data of an event")
    try:
        Event(arguments.row_name)
    except EventInvalidError as err:
        raise ArgumentInvalidError(f"--as: {err}") from None
    if arguments.delimiter is not None:
        if not any(_is_csv(arguments, path) for path in arguments.file):
            raise ArgumentInvalidError("--delimiter is for CSV: files whose names end with .csv, or --csv")
        if len(_delimiter(arguments)) != 1 or _delimiter(arguments) in '"\r\n ':
            raise ArgumentInvalidError("--delimiter: expected one character, as ';' or '\\t' for a tab")


def reader_of(arguments: argparse.Namespace, path: str) -> EventReader | RowReader:
    """Return what makes events of the lines of a file. What an earlier run left holds events, never rows."""
    if arguments.row_name is None or _is_same(path, arguments.unsent):
        return EventReader()
    options = arguments.row_name, arguments.id_field, arguments.ts_field
    return CsvReader(*options, _delimiter(arguments)) if _is_csv(arguments, path) else RowReader(*options)


def _is_csv(arguments: argparse.Namespace, path: str) -> bool:
    return (arguments.csv or path.endswith(_CSV)) and not _is_same(path, arguments.unsent)


def _is_same(path: str, unsent: str | None) -> bool:
    return unsent is not None and path != "-" and os.path.realpath(path) == os.path.realpath(unsent)


def _delimiter(arguments: argparse.Namespace) -> str:
    delimiter: str | None = arguments.delimiter
    return "," if delimiter is None else delimiter.replace("\\t", "\t")
