"""Turns Python values into plain JSON data, and refuses what JSON or the Inngest server would silently alter.

Nothing here knows what an event is.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..typecheck import exact_str, is_instance, qualified_name
from .conversion import Refused, to_json_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

MAX_DEPTH = 512
"""How deep containers may be nested, the outermost included. Each takes one Python frame, so that this depth
fits in an ordinary stack (the interpreter's default limit is 1,000 frames)."""

MAX_EXPANSION = 16
"""How many times larger than the bound that ``plain`` returns the JSON text can be, at most. The bound counts 2 bytes
for a value with its comma, and each character once; JSON takes up to 28 for a float with its key's quotes and colon,
and 6 for a control character."""

TOO_DEEP = "nested deeper than the stack that is left here allows"

_PLAIN = (dict, list, str, int, float, bool, type(None))
_MAX_EXACT = 2**53  # up to here every int is also a 64-bit float, which is what the server stores


def normalize(value: object, max_size: int) -> Tuple[Dict[str, Any], int]:
    """Return a mapping as plain JSON data, and a lower bound of its size as JSON text, in bytes.

    Plain is: dict with str keys, list, str, int, finite float, bool, None, and no subclass of these. What is
    plain already is returned as it is; only containers on the way to something that is not are copied.

    Raises Refused, also when the bound exceeds ``max_size``: so data that holds one part a million times over
    ends soon.
    """
    if type(value) is dict:
        size = _size_of_plain(value, max_size)
        if size:
            return value, size
    elif not is_instance(value, Mapping):
        raise Refused(f"expected a mapping with str keys, got {qualified_name(value)}")
    walk = _Walk(max_size)
    try:
        result = walk.container(value if type(value) is dict else to_json_type(value), 1)
    except RecursionError:
        result = None
    if result is None:  # raised out here, so that no context with a thousand frames hangs on it
        raise Refused(TOO_DEEP)
    return result, walk.size


def _size_of_plain(value: Dict[Any, Any], max_size: int) -> int:
    """Return the bound of the size of data that is plain as it is, which most is; 0 for all else. Raises Refused.

    This is a good part of the time of a send, so the types are told apart in line: a call for each value would double
    it, and so would keeping track of where one is.
    """
    size = depth = 0
    level: List[Any] = [value]
    try:
        while level and depth < MAX_DEPTH:
            depth += 1
            deeper: List[Any] = []
            for container in level:
                size += 2 * len(container) + 1
                if size > max_size:
                    raise _too_large(max_size)
                if type(container) is dict:
                    for key in container:
                        if type(key) is not str:
                            return 0
                        if not key.isascii():
                            key.encode()
                        size += len(key)
                for item in container.values() if type(container) is dict else container:
                    kind = type(item)
                    if kind is str:
                        if not item.isascii():
                            item.encode()
                        size += len(item)
                    elif kind is int:
                        if not -_MAX_EXACT <= item <= _MAX_EXACT:
                            return 0
                    elif kind is float:
                        if item - item != 0.0:
                            return 0
                    elif kind is dict or kind is list:
                        size -= 1  # as a value it was counted above
                        deeper.append(item)
                    elif item is not None and kind is not bool:
                        return 0
            level = deeper
    except (UnicodeEncodeError, RuntimeError):  # a lone surrogate; "dictionary changed size during iteration"
        return 0
    return 0 if level else size


class _Walk:
    """Finds what is not plain, where it is, and what to make of it."""

    __slots__ = ("max_size", "size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0

    def container(self, container: Any, depth: int) -> Any:
        """Return an exact dict or list with all that is in it made plain."""
        if depth > MAX_DEPTH:
            raise Refused(f"nested more than {MAX_DEPTH} levels deep, or contains itself")
        self.size += 2 * len(container) + 1
        if self.size > self.max_size:
            raise _too_large(self.max_size)
        if type(container) is dict and any(type(key) is not str for key in container):
            container = _with_plain_keys(container)
        pairs: Any = container.items() if type(container) is dict else enumerate(container)
        result = container
        key: Any = None
        try:
            for key, item in pairs:
                if type(key) is str:
                    self.size += _check_scalar(key)
                made = item if type(item) in _PLAIN else to_json_type(item)
                if type(made) is dict or type(made) is list:
                    self.size -= 1  # as a value it was counted above
                    made = self.container(made, depth + 1)
                else:
                    self.size += _check_scalar(made)
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
        return result


def _too_large(max_size: int) -> Refused:
    return Refused(f"more than {max_size:,} bytes of JSON")


def _with_plain_keys(mapping: Dict[Any, Any]) -> Dict[str, Any]:
    result = {}
    for key, item in mapping.items():
        if not is_instance(key, str):
            raise Refused(f"expected str keys, got a key of type {qualified_name(key)}")
        result[exact_str(key)] = item
    if len(result) != len(mapping):
        raise Refused("two keys have the same text")
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
