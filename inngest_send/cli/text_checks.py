"""What the text of JSON tells of the values that were read from it, so that most need no second look.

That a key stands twice in an object, or that a number is too large, is seldom, and to look at each value in Python
takes several times as long as to parse it. A few searches through the text, which run in C, show nearly always that
there is no such thing. What they say yes to is certain. Where they say no, something may be wrong, or only looks like
it, and the slow way finds out: ``read_json`` with a hook for each object, ``Event`` with a walk over its data.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACES_BEFORE_COLON = (b" :", b"\t:", b"\r:", b"\n:")
_NOT_PLAIN = (b"NaN", b"Infinity", b"\\ud", b"\\uD")  # the latter may be a lone surrogate
_MAX_CONTAINERS = 500  # so that nothing is nested deeper than an event may be
_DIGITS_AND_E = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER = b"0" * 16  # up to 2**53 fewer digits do
_NOT_INTEGERS = (b"." + _LONG_NUMBER, b'"' + _LONG_NUMBER)  # the digits of a fraction, or of a string
_LARGE_EXPONENT = b"0e000"  # what it stands for may be Infinity


def has_each_key_once(text: bytes, value: Any) -> bool:
    """Return whether it is certain that no object of ``value``, read from ``text``, had a key twice.

    Behind each key stand a quote and a colon. With no space between them there are as many of these as keys in the
    text, and more where they stand in a string; of two keys that are the same, one is lost.
    """
    for spaces in _SPACES_BEFORE_COLON:
        if spaces in text:
            return False
    return text.count(b'":') == _count_keys(value, text.count(b"{"))


def is_plain(text: bytes) -> bool:
    """Return whether it is certain that all values in a text of JSON are such as an event may have."""
    for mark in _NOT_PLAIN:
        if mark in text:
            return False
    if text.count(b"{") + text.count(b"[") > _MAX_CONTAINERS:
        return False
    digits = text.translate(_DIGITS_AND_E, b"+")
    if _LARGE_EXPONENT in digits:
        return False
    if _LONG_NUMBER in digits:
        for start in _NOT_INTEGERS:
            digits = digits.replace(start, b"")
        return _LONG_NUMBER not in digits
    return True


def _count_keys(value: Any, objects: int) -> int:
    """Return how many keys there are in all objects in a value. ``objects``: there are no more than so many."""
    count = 0
    level = [value]
    while level and objects:
        items: list[Any] = []
        for container in level:
            if type(container) is dict:
                objects -= 1
                count += len(container)
                items += container.values()
            elif type(container) is list:
                items += container
        level = [item for item in items if type(item) is dict or type(item) is list] if objects else []
    return count
