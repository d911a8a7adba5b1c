"""Makes events of rows: objects that are the data of an event, whose name is given."""

from __future__ import annotations

import re
from datetime import date

from ..typecheck import qualified_name
from .event_lines import EVENT_FIELDS, make_event, to_json, write_event
from .json_text import BadLineError, WrongOptionError, read_json
from .text_checks import is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..event import Event

# One pattern, because what fromisoformat takes differs from version to version.
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    r"(?:Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)"
)
_TIME_FORM = "milliseconds since 1970, or a time as 2026-08-31T12:00:00Z or 2026-08-31 14:00:00.5+02:00"
_EPOCH = date(1970, 1, 1).toordinal()


class RowReader:
    """Reads lines that are rows: JSON objects, each of which is the ``data`` of an event.

    ``name``: of every event. ``id_field``: its value, behind the name and a hyphen, is the event's ``id``.
    ``ts_field``: its value is the event's ``ts``. Both stay in the data.
    """

    def __init__(self, name: str, id_field: str | None = None, ts_field: str | None = None) -> None:
        self._name = name
        self._id_field = id_field
        self._ts_field = ts_field
        self._start = b'{"name":%b,"data":' % to_json(name)

    def read(self, text: bytes, id: str) -> Event:
        """Return the event of a row; its id is the name and ``id``, unless a field makes it. Raises BadLineError."""
        row = read_json(text) if text.startswith(b"{") else None
        if not isinstance(row, dict):
            raise BadLineError("expected a JSON object; CSV goes with --csv")
        if "name" in row and EVENT_FIELDS.issuperset(row):
            raise BadLineError("this is an event already; leave --as out")
        return self._make_event(row, text, id, is_plain=is_plain(text))

    def to_line(self, text: bytes, id: str) -> bytes:
        """Return the line of an event that the file of what was not sent gets; a bad row makes a bad line there."""
        try:
            return write_event(self.read(text, id))
        except BadLineError:
            return self._bad_line(text)

    def _make_event(self, row: dict[str, Any], data: bytes, id: str, *, is_plain: bool) -> Event:
        """Return the event of a row that is ``data`` as JSON, ``is_plain`` or not. Raises BadLineError."""
        fields: dict[str, Any] = {"name": self._name, "data": row}
        text = self._start + data
        if self._id_field is not None:
            id = _id_part(row, self._id_field)
        if id:  # the same row under another name is another event
            id = fields["id"] = f"{self._name}-{id}"
            text += b',"id":%b' % to_json(id)
        if self._ts_field is not None:
            ts = fields["ts"] = self._milliseconds(row, self._ts_field)
            text += b',"ts":%d' % ts
        try:
            return make_event(text + b"}", fields, has_plain_data=is_plain)
        except BadLineError as err:
            name, _, problem = str(err).partition(": ")
            if name != "ts":
                raise
        raise BadLineError(f"{self._ts_field}: {problem}")  # the name that the user knows

    def _milliseconds(self, row: dict[str, Any], field: str) -> int:
        value = _value(row, field, "--ts-field")
        milliseconds = parse_time(value) if type(value) is str else value
        if type(milliseconds) is not int or not milliseconds:  # 0 would stand for the time of arrival
            raise BadLineError(f"{field}: expected {_TIME_FORM}")
        return milliseconds

    def _bad_line(self, text: bytes) -> bytes:
        """Return a bad row as it can stand among events: among them it could pass for one, of another name."""
        try:
            return b'{"data":%b}' % text if isinstance(read_json(text), dict) else text
        except BadLineError:
            return text


def parse_time(text: str) -> int | None:
    """Return the milliseconds since 1970, cut to whole ones; None for what is no date and time with its offset."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute = map(int, match.group(1, 2, 3, 4, 5))
    second, offset_hour, offset_minute = (int(digits or 0) for digits in match.group(6, 9, 10))
    if max(hour, offset_hour) > 23 or max(minute, second, offset_minute) > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    offset = 60 * offset_hour + offset_minute
    minutes = 60 * (24 * days + hour) + minute - (-offset if match.group(8) == "-" else offset)
    return 1000 * (60 * minutes + second) + int((match.group(7) or "")[:3].ljust(3, "0"))


def _id_part(row: dict[str, Any], field: str) -> str:
    value = _value(row, field, "--id-field")
    if type(value) not in (str, int) or value == "":  # which a bool is not
        found = "an empty one" if value == "" else qualified_name(value)
        raise BadLineError(f"{field}: expected a non-empty str or an int, to make an id of it, got {found}")
    return str(value)


def _value(row: dict[str, Any], field: str, option: str) -> Any:
    if field not in row:
        raise WrongOptionError(f"the row has no field {field!a}, which {option} names")
    return row[field]
