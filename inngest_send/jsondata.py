"""Turns Python values into plain JSON data, and refuses what JSON or the Inngest server would silently alter.

Nothing here knows what an event is.
"""

from __future__ import annotations

from collections.abc import Mapping

from .jsontypes import Refused, simplified
from .kinds import is_a, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

MAX_DEPTH = 512
"""How deep containers may be nested, the outermost included. Each takes one Python frame, so that this depth
fits in an ordinary stack (the interpreter's default limit is 1,000 frames)."""

MAX_EXPANSION = 16
"""How many times larger than the bound that ``plain`` returns the JSON text can be, at most. The bound counts 2 bytes
for a value with its comma, and each character once; JSON takes up to 28 for a float with its key's quotes and colon,
and 6 for a control character."""

TOO_DEEP = "nested deeper than the stack that is left here allows"

_MAX_EXACT = 2**53  # up to here every int is also a 64-bit float, which is what the server stores


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
