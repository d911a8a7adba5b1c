"""Writes normalized values as JSON text, the way the official SDK does: compact, raw UTF-8.

A value that was normalized once may have been changed since, in place and at any depth. To walk over it again takes as
long as to write it, and is seldom of use, since the encoder itself refuses most of what must not go out: NaN, what is
of no type that JSON has, lone surrogates. Two things it writes as if nothing were wrong: keys that are no str, and ints
beyond 2**53. These show in the text, where a few searches, which run in C, find them. So ``encode_again`` only writes,
and whoever puts texts together asks ``may_be_altered`` of the whole. It says yes to harmless text, too, as to a list of
dates beside a key that ends with a digit; then the values have to be normalized again.
"""

from __future__ import annotations

import json
import json.encoder
import sys

from ..errors import EventInvalidError
from ..runtime.signals import raise_if_from_signal_handler
from .validation import TOO_DEEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))


def _writer() -> Callable[[object], str]:
    """Return what writes text. JSONEncoder makes this anew for each text, a fifth of the time of a small event."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    rest = (_encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    try:
        write = make(None, *rest)
    except TypeError:  # PyPy has none; a Python without _json has None
        return _encoder.encode
    if sys.version_info < (3, 9):
        # A cycle is found at its first turn, by a dict of what is under way, and not at the end of the stack: whatever
        # code is run there, as that of a finalizer, could end the process ("Cannot recover from stack overflow").
        return lambda value: "".join(make({}, *rest)(value, 0))
    return lambda value: "".join(write(value, 0))


_write = _writer()


# How these look where all digits and signs are 0, what opens a container is a comma, and some letters are one: so that
# "true", "null" and "false" come to the same, and one search finds all three.
_FOLDED = bytes.maketrans(b"123456789-{[" b"nalrusf", b"0000000000,," b'tteeee"')
_LARGE_ITEM, _LARGE_VALUE = ",0000000000000000", ":0000000000000000"  # 16 digits, or a sign and 15
_START_OF_NUMBER, _END_OF_NUMBER = ',"0', '0":'  # as a key; NaN and the infinities are refused as that, too
_WORD = '"teee":'  # as a key


def may_be_altered(text: bytes) -> bool:
    """Return whether there may be keys that were no str, or ints beyond 2**53, in texts of ``encode_again``."""
    folded = text.translate(_FOLDED).decode()  # searches in a str take half the time
    return (
        (_START_OF_NUMBER in folded and _END_OF_NUMBER in folded)  # first, as it is the most frequent by far
        or _LARGE_VALUE in folded
        or _LARGE_ITEM in folded
        or _WORD in folded
    )


def encode_again(value: object) -> bytes:
    """Return a value that was normalized before as JSON text; ``b""`` where it is no longer such a value.

    Raises EventInvalidError where the stack does not reach: a second try there could end the process (CPython 3.7 to
    3.11: "Cannot recover from stack overflow").
    """
    try:
        return _write(value).encode()
    except RecursionError:
        problem = f"{TOO_DEEP}, or contains itself"
    except (TypeError, ValueError, RuntimeError) as err:
        raise_if_from_signal_handler(err)
        return b""
    raise EventInvalidError(problem)


def encode(value: object) -> bytes:
    """Return a value that ``normalize`` returned as JSON text.

    Raises EventInvalidError where the stack does not reach, or when another thread has changed the value since.
    """
    try:
        return _write(value).encode()
    except RecursionError:
        problem = TOO_DEEP
    except (TypeError, ValueError, RuntimeError) as err:
        raise_if_from_signal_handler(err)
        problem = "changed while it was being read"
    raise EventInvalidError(problem)
