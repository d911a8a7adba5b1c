"""Normalizes Python values to JSON's own types, and refuses what JSON or the Inngest server would silently alter.

Two passes, since most data is normal as it is: a fast one looks at all of it, level by level, and only says yes. Where
it does not, a second one goes through the data depth first, converts what is not normal yet, and knows where it is:
what it refuses, it refuses with the path.

Nothing here knows what an event is.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

from ..errors import EventInvalidError
from ..runtime.signals import raise_if_from_signal_handler
from ..typecheck import exact_str, is_instance, qualified_name
from .conversion import to_json_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 512
"""How deep containers may be nested, the outermost included. Each takes one Python frame, so that this depth
fits in an ordinary stack (the interpreter's default limit is 1,000 frames)."""

TOO_DEEP = "nested deeper than the stack that is left here allows"

_JSON_TYPES = (dict, list, str, int, float, bool, type(None))
_NUMBERS = {int, float, bool}
_MANY = 16  # values: of fewer each by itself is looked at sooner than all at once
_MIN_EXACT, _MAX_EXACT = -(2**53), 2**53  # up to here every int is also a 64-bit float, which is what the server stores


def normalize(value: object, max_size: int) -> dict[str, Any]:
    """Return a mapping in JSON's own types.

    These are: dict with str keys, list, str, int, finite float, bool, None, and no subclass of these. What is of
    these types already is returned as it is; only containers on the way to something that is not are copied.

    Raises EventInvalidError, also when its JSON text would have more than ``max_size`` bytes, as far as that can be
    told without making it: so data that holds one part a million times over ends soon.
    """
    if type(value) is dict:
        if is_normal(value, max_size):
            return value
    elif not is_instance(value, Mapping):
        raise EventInvalidError(f"expected a mapping with str keys, got {qualified_name(value)}")
    walk = _Walk(max_size)
    try:
        result = walk.container(value if type(value) is dict else to_json_type(value), 1)
    except RecursionError:
        result = None
    if result is None:  # raised out here, so that no context with a thousand frames hangs on it
        raise EventInvalidError(TOO_DEEP)
    return result  # type: ignore[no-any-return]


def is_normal(value: Mapping[Any, Any], max_size: int) -> bool:
    """Return whether a mapping is certainly in JSON's own types already. Raises EventInvalidError if it is too large.

    This is a good part of the time of an event, so the types are told apart in line: a call for each value would double
    it, and so would keeping track of where one is. Of many values in one container more is asked at once, in C.
    """
    size = depth = 0
    level: list[Any] = [value]
    try:
        while level:
            depth += 1
            if depth > MAX_DEPTH:
                return False
            deeper: list[Any] = []
            for container in level:
                size += 2 * len(container)  # each value with its comma
                if size > max_size:
                    raise _too_large(max_size)
                items = container
                if type(container) is dict:
                    for key in container:
                        if type(key) is not str:
                            return False
                        if not key.isascii():
                            key.encode()
                        size += len(key)
                    items = container.values()
                if len(container) > _MANY:
                    items, gathered = _gather(items, deeper, max_size)
                    size += gathered
                for item in items:
                    kind = type(item)
                    if kind is str:
                        if not item.isascii():
                            item.encode()
                        size += len(item)
                    elif kind is int:
                        if item > _MAX_EXACT or item < _MIN_EXACT:
                            return False
                    elif kind is float:
                        if item - item:  # of a finite one it is 0
                            return False
                    elif kind is dict or kind is list:
                        deeper.append(item)
                    elif item is not None and kind is not bool:
                        return False
            level = deeper
    except UnicodeEncodeError:  # a lone surrogate
        return False
    except RuntimeError as err:  # "dictionary changed size during iteration"
        raise_if_from_signal_handler(err)
        return False
    return size <= max_size


def _gather(items: Any, deeper: list[Any], max_size: int) -> tuple[Any, int]:
    """Look at many items at once; return those that are left to look at, and the size of the others.

    The rows of a table, dicts with the same keys, are looked at column by column, on the next level.
    """
    items = list(items)
    kinds = {*map(type, items)}
    if kinds == {str}:
        size = sum(map(len, items))
        if size <= max_size:
            text = "".join(items)
            if not text.isascii():
                text.encode()
        return (), size
    if kinds <= _NUMBERS and sum(map(abs, items)) < _MAX_EXACT:  # which a NaN is not either
        return (), 0
    if kinds == {dict}:
        first = items[0]
        if len(first) > 1 and {*map(len, items)} == {len(first)} and {*map(type, first)} == {str}:
            try:
                columns = list(zip(*map(itemgetter(*first), items)))
            except Exception as err:  # noqa: BLE001  # another row has other keys, whose own code may raise anything
                raise_if_from_signal_handler(err)
                return items, 0
            deeper += columns
            deeper.append(dict.fromkeys(first))
            return (), len(items) * len("".join(first))
    return items, 0


class _Walk:
    """Finds what is not normal, where it is, and what to make of it."""

    __slots__ = ("max_size", "size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0

    def container(self, container: Any, depth: int) -> Any:
        """Return an exact dict or list with all that is in it normalized."""
        if depth > MAX_DEPTH:
            raise EventInvalidError(f"nested more than {MAX_DEPTH} levels deep, or contains itself")
        result = container.copy()  # which no other thread changes meanwhile
        is_normal = True
        if type(result) is dict and any(type(key) is not str for key in result):
            result = _with_exact_keys(result)
            is_normal = False
        self.size += 2 * len(result) + 1
        if self.size > self.max_size:
            raise _too_large(self.max_size)
        pairs: Any = result.items() if type(result) is dict else enumerate(result)
        key: Any = None
        try:
            for key, item in pairs:
                if type(key) is str:
                    self.size += _check_scalar(key)
                made = item if type(item) in _JSON_TYPES else to_json_type(item)
                if type(made) is dict or type(made) is list:
                    self.size -= 1  # as a value it was counted above
                    made = self.container(made, depth + 1)
                else:
                    self.size += _check_scalar(made)
                if made is not item:
                    result[key] = made
                    is_normal = False
        except EventInvalidError as err:
            err.prepend(_step(key))
            raise
        return container if is_normal else result


def _step(key: str | int) -> str:
    """Return the step of a path that leads to an item: ``[3]``, ``price``, or ``['unit price']``."""
    if isinstance(key, int):
        return f"[{key}]"
    if key.isidentifier() and key.isascii() and len(key) <= 100:
        return key
    return f"[{key[:100]!a}]"


def _too_large(max_size: int) -> EventInvalidError:
    return EventInvalidError(f"more than {max_size:,} bytes of JSON")


def _with_exact_keys(mapping: dict[Any, Any]) -> dict[str, Any]:
    result = {}
    for key, item in mapping.items():
        if not is_instance(key, str):
            raise EventInvalidError(f"expected str keys, got a key of type {qualified_name(key)}")
        result[exact_str(key)] = item
    if len(result) != len(mapping):
        raise EventInvalidError("two keys have the same text")
    return result


def _check_scalar(value: Any) -> int:
    """Check a value that is no container; return what it adds to the bound of the size."""
    kind = type(value)
    if kind is str:
        _check_text(value)
        return len(value)
    if kind is float:
        _check_finite(value)
    elif kind is int and not -_MAX_EXACT <= value <= _MAX_EXACT:
        return _check_large_int(value)
    return 0


def _check_text(text: str) -> None:
    try:
        text.encode()
        lone_surrogate = False
    except UnicodeEncodeError:
        lone_surrogate = True
    if lone_surrogate:  # raised out here: the UnicodeEncodeError would carry the text along
        raise EventInvalidError("expected text that UTF-8 can encode, got a lone surrogate")


def _check_large_int(number: int) -> int:
    try:
        exact = float(number) == number
    except OverflowError:
        exact = False
    if not exact:
        raise EventInvalidError(
            "expected an int that a 64-bit float can hold exactly, got a larger one; send it as a string"
        )
    return number.bit_length() // 4


def _check_finite(number: float) -> None:
    if number != number:
        raise EventInvalidError("expected a finite number, got NaN")
    if number - number != 0.0:
        raise EventInvalidError("expected a finite number, got Infinity")
