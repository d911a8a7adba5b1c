"""What values are in JSON, one by one: which types of Python stand for which of JSON's, and which for none."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from ..errors import EventInvalidError
from ..runtime.signals import raise_if_from_signal_handler
from ..typecheck import exact_str, is_instance, names_of_bases, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MAX_ENUMS = 512  # an Enum's value may be an Enum, and a property that returns itself

_WAYS_OUT = {
    "bytes": "send base64 text",
    "bytearray": "send base64 text",
    "memoryview": "send base64 text",
    "generator": "make it a list first",
    "range": "make it a list first",
    "map": "make it a list first",
    "filter": "make it a list first",
    "zip": "make it a list first",
    "dict_keys": "make it a list first",
    "dict_values": "make it a list first",
    "dict_items": "make it a dict first",
    "coroutine": "await it first",
    "complex": "send its parts as two numbers",
    "function": "send what it returns",
    "method": "send what it returns",
    "builtin_function_or_method": "send what it returns",
    "type": "send its name",
}


def to_json_type(value: Any) -> Any:
    """Return ``value`` as one of the exact types of JSON, containers one level deep. Raises EventInvalidError."""
    problem = ""
    try:
        for _ in range(_MAX_ENUMS):
            if not is_instance(value, Enum):
                converted = _convert(value)
                if converted is not NotImplemented:
                    return converted
                problem = _refusal(value)
                break
            value = value.value
    except RecursionError:
        raise
    except Exception as err:  # noqa: BLE001  # the value's own code may raise anything, its message holding data
        raise_if_from_signal_handler(err)
        problem = f"reading {qualified_name(value)} raised {qualified_name(err)}"
    # Raised out here, so that what the value's own code raised does not hang on it as its context.
    raise EventInvalidError(problem or f"{qualified_name(value)} has no end of values")


def _convert(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if issubclass(kind, str):
        return exact_str(value)
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, Mapping):
        return dict(value)
    if issubclass(kind, (list, tuple, set, frozenset, deque)):
        return list(value)
    if is_dataclass(kind):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    for name in names_of_bases(value):
        if name in _CONVERSIONS:
            return _CONVERSIONS[name](value)
    return NotImplemented


def _refusal(value: object) -> str:
    name = qualified_name(value)
    way_out = "send its name" if is_instance(value, type) else _WAYS_OUT.get(name)
    return f"{name} is not JSON; {way_out or 'convert it to str, a number, a list or a dict first'}"


def _iso_time(value: Any) -> str:
    """Return a datetime or a time as the official SDK writes it: ``Z`` for UTC, offsets in whole minutes."""
    text: str = value.isoformat()
    offset = value.utcoffset()
    if offset is None:
        return text
    local: str = value.replace(tzinfo=None).isoformat()
    return local + ("Z" if not offset else text[len(local) :][:6])


def _iso_date(value: Any) -> str:
    return str(value.isoformat())


def _iso_duration(value: Any) -> str:
    """Return a timedelta as the official SDK writes it, in ISO 8601, a year being 365 days: ``-P1Y2DT3H4M5.6S``."""
    sign = "-" if value.days < 0 else ""
    value = abs(value)
    years, days = divmod(value.days, 365)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    date = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (days, "D")) if n)
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    if seconds or fraction:
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}T{time}" if time else f"{sign}P{date}" if date else "PT0S"


def _decimal(value: Any) -> str | float:
    """Return a Decimal as text, or the float that is as little finite as it is, to be refused as that."""
    if value.is_finite():
        return str(value)
    return float("nan" if value.is_nan() else "inf")


_CONVERSIONS: dict[str, Callable[[Any], str | float]] = {
    "datetime.datetime": _iso_time,
    "datetime.time": _iso_time,
    "datetime.date": _iso_date,
    "datetime.timedelta": _iso_duration,
    "uuid.UUID": str,
    "decimal.Decimal": _decimal,
}
