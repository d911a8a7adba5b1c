"""Turns Python values into plain JSON data, and refuses what JSON or the Inngest server would silently alter.

Nothing here knows what an event is.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from .kinds import is_a, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple, Union

    Container = Union[Dict[str, Any], List[Any]]

MAX_DEPTH = 512
"""How deep containers may be nested, the outermost included. Each takes one Python frame, so that this depth
fits in an ordinary stack (the interpreter's default limit is 1,000 frames)."""

MAX_EXPANSION = 16
"""How many times larger than the bound that ``plain`` returns the JSON text can be, at most. The bound counts 2 bytes
for a value with its comma, and each character once; JSON takes up to 28 for a float with its key's quotes and colon,
and 6 for a control character."""

TOO_DEEP = "nested deeper than the stack that is left here allows"

_MAX_EXACT = 2**53  # up to here every int is also a 64-bit float, which is what the server stores

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


def plain(value: object, max_size: int) -> Tuple[Dict[str, Any], int]:
    """Return a mapping as plain JSON data, and a lower bound of its size as JSON text, in bytes.

    Plain is: dict with str keys, list, str, int, finite float, bool, None, and no subclass of these. What is
    plain already is returned as it is; only containers on the way to something that is not are copied.

    Raises Refused, also when the bound exceeds ``max_size``: so data that holds one part a million times over
    ends soon.
    """
    walk = _Walk(max_size)
    try:
        if type(value) is not dict:
            if not is_a(value, Mapping):
                raise Refused(f"expected a mapping with str keys, got {type_name(value)}")
            value = simplified(value)
        result = walk.container(value, 1)
    except RecursionError:
        result = None
    if result is None:  # raised out here, so that no context with a thousand frames hangs on it
        raise Refused(TOO_DEEP)
    return result, walk.size


class _Walk:
    __slots__ = ("max_size", "size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0

    def container(self, container: Any, depth: int) -> Any:
        """Return an exact dict or list with all that is in it made plain."""
        if depth > MAX_DEPTH:
            raise Refused(f"nested more than {MAX_DEPTH} levels deep, or contains itself")
        size = self.size + 2 * len(container) + 1
        if size > self.max_size:
            raise Refused(f"more than {self.max_size:,} bytes of JSON")
        if type(container) is dict:
            for key in container:
                if type(key) is not str:
                    container = _with_plain_keys(container)
                    break
            pairs = container.items()
        else:
            pairs = enumerate(container)
        result = container
        key = None
        try:
            # The types are told apart in line, most frequent first: a call for each value would double the time.
            for key, item in pairs:
                if type(key) is str:
                    size += len(key)
                    if not key.isascii():
                        _check_text(key)
                kind = type(item)
                if kind is str:
                    size += len(item)
                    if not item.isascii():
                        _check_text(item)
                    continue
                if kind is int:
                    if not -_MAX_EXACT <= item <= _MAX_EXACT:
                        size += _check_large_int(item)
                    continue
                if kind is float:
                    if item - item != 0.0:
                        _check_finite(item)
                    continue
                if item is None or kind is bool:
                    continue
                made = item
                if kind is not dict and kind is not list:
                    made = simplified(item)
                    kind = type(made)
                if kind is dict or kind is list:
                    self.size = size - 1  # as a value it was counted above
                    made = self.container(made, depth + 1)
                    size = self.size
                else:
                    size += _check_scalar(made)
                if made is not item:
                    if result is container:
                        result = container.copy()
                    result[key] = made
        except Refused as refused:
            refused.trail.append(key)
            raise
        except RecursionError:
            raise
        except RuntimeError:  # "dictionary changed size during iteration": by another thread
            pairs = None
        if pairs is None:
            raise Refused("changed while it was being read")
        self.size = size
        return result


def simplified(value: Any) -> Any:
    """Return ``value`` as one of the exact types of JSON, containers one level deep. Raises Refused."""
    error = None
    try:
        for _ in range(MAX_DEPTH):  # an Enum's value may be an Enum
            if not is_a(value, Enum):
                return _simplify(value)
            value = value.value
    except (Refused, RecursionError):
        raise
    except Exception as err:  # noqa: BLE001  # the value's own code may raise anything, its message holding data
        error = type_name(err)
    if error is not None:
        raise Refused(f"reading {type_name(value)} raised {error}")
    raise Refused(f"{type_name(value)} has no end of values")


def _simplify(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if issubclass(kind, str):
        return str.__str__(value)
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
    name = type_name(value)
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


def _with_plain_keys(mapping: Dict[Any, Any]) -> Dict[str, Any]:
    result = {}
    for key, item in mapping.items():
        if not is_a(key, str):
            raise Refused(f"expected str keys, got a key of type {type_name(key)}")
        result[str.__str__(key)] = item
    if len(result) != len(mapping):
        raise Refused("two keys have the same text")
    return result


def _check_scalar(value: Any) -> int:
    """Check what was made of a value of a further type; return what it adds to the bound of the size."""
    if isinstance(value, str):
        _check_text(value)
        return len(value)
    if isinstance(value, float):
        _check_finite(value)
    elif isinstance(value, int):
        return _check_large_int(value)
    return 0


def _check_text(text: str) -> None:
    try:
        text.encode()
        lone_surrogate = False
    except UnicodeEncodeError:
        lone_surrogate = True
    if lone_surrogate:  # raised out here: the UnicodeEncodeError would carry the text along
        raise Refused("expected text that UTF-8 can encode, got a lone surrogate")


def _check_large_int(number: int) -> int:
    try:
        exact = float(number) == number
    except OverflowError:
        exact = False
    if not exact:
        raise Refused("expected an int that a 64-bit float can hold exactly, got a larger one; send it as a string")
    return number.bit_length() // 4


def _check_finite(number: float) -> None:
    if number != number:
        raise Refused("expected a finite number, got NaN")
    if number - number != 0.0:
        raise Refused("expected a finite number, got Infinity")


def _step(key: Union[str, int]) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    if key.isidentifier() and key.isascii() and len(key) <= 100:
        return f".{key}"
    text = ascii(key[:100])
    return f"[{text}]"
