"""What the text of JSON tells of the values that were read from it, so that most need no second look.

Of what ``Event`` refuses in its data, JSON can hold only: NaN and Infinity, lone surrogates, ints that a 64-bit float
does not hold exactly, and what is nested too deeply. To look for them value by value, in Python, takes as long as to
parse the text; a few searches, which run in C, show nearly always that there are none. Where they are in doubt,
``Event`` walks over its data, as it does with any other.

That no key stands twice is no matter for this: to count keys and compare them with the text took longer than a call of
``json_text`` for each object does.
"""

from __future__ import annotations

_DIGITS_AND_E = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER = b"0" * 16  # up to 2**53 ints of fewer digits are exact
_NO_INTEGERS = (b"." + _LONG_NUMBER, b'"' + _LONG_NUMBER)  # the digits of a fraction, or of a string
_LARGE_EXPONENT = b"0e000"  # 1e999 is read as Infinity
_MAX_CONTAINERS = 500  # so few are never nested deeper than data may be


def is_plain(text: bytes) -> bool:
    """Return whether it is certain that an event may have all values that a text of JSON holds."""
    # A single byte is found several times as fast as a word, and few texts hold these.
    if b"\\" in text and (b"\\ud" in text or b"\\uD" in text):
        return False
    if (b"N" in text and b"NaN" in text) or (b"I" in text and b"Infinity" in text):
        return False
    if len(text) > _MAX_CONTAINERS and text.count(b"{") + text.count(b"[") > _MAX_CONTAINERS:
        return False
    digits = text.translate(_DIGITS_AND_E, b"+")
    if _LARGE_EXPONENT in digits:
        return False
    if _LONG_NUMBER in digits:
        for start in _NO_INTEGERS:
            digits = digits.replace(start, b"")
        return _LONG_NUMBER not in digits
    return True
