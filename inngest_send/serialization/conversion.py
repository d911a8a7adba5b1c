"""What values are in JSON, one by one: which types of Python stand for which of JSON's, and which for none."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from ..typecheck import exact_str, is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Tuple, Union

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


class Refused(Exception):
    """Why a value cannot be sent, without the value itself."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.trail: List[Union[str, int]] = []  # the steps that lead to the value, innermost first

    @property
    def path(self) -> str:
        """Where the value is, as ``.items[3].price``."""
        return "".join(_step(key) for key in reversed(self.trail))


def to_json_type(value: Any) -> Any:
    """Return ``value`` as one of the exact types of JSON, containers one level deep. Raises Refused."""
    error = None
    try:
        for _ in range(_MAX_ENUMS):
            if not is_instance(value, Enum):
                return _simplify(value)
            value = value.value
    except (Refused, RecursionError):
        raise
    except Exception as err:  # noqa: BLE001  # the value's own code may raise anything, its message holding data
        error = qualified_name(err)
    if error is not None:
        raise Refused(f"reading {qualified_name(value)} raised {error}")
    raise Refused(f"{qualified_name(value)} has no end of values")


def _simplify(value: Any) -> Any:
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
    for module_name, names, convert in _CONVERSIONS:
        # A program that never imported the module has no value of its types.
        module = sys.modules.get(module_name)
        if module is not None and issubclass(kind, tuple(getattr(module, name) for name in names)):
            return convert(value)
    name = qualified_name(value)
    way_out = "send its name" if issubclass(kind, type) else _WAYS_OUT.get(name)
    raise Refused(f"{name} is not JSON; {way_out or 'convert it to str, a number, a list or a dict first'}")


def _iso_time(value: Any) -> str:
    """Return a datetime or a time as the official SDK writes it: ``Z`` for UTC, offsets in whole minutes."""
    text: str = value.isoformat()
    offset = value.utcoffset()
    if offset is None:
        return text
    local: str = value.replace(tzinfo=None).isoformat()
    return local + ("Z" if not offset else text[len(local) :][:6])


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


def _finite_decimal(value: Any) -> str:
    if not value.is_finite():
        raise Refused("expected a finite number, got a Decimal that is not")
    return str(value)


_CONVERSIONS: Tuple[Tuple[str, Tuple[str, ...], Callable[[Any], str]], ...] = (
    ("datetime", ("datetime", "time"), _iso_time),
    ("datetime", ("date",), lambda value: str(value.isoformat())),
    ("datetime", ("timedelta",), _iso_duration),
    ("uuid", ("UUID",), str),
    ("decimal", ("Decimal",), _finite_decimal),
)


def _step(key: Union[str, int]) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    if key.isidentifier() and key.isascii() and len(key) <= 100:
        return f".{key}"
    text = ascii(key[:100])
    return f"[{text}]"
