"""Reads JSON as events have it: in UTF-8, each key of an object once; and says what is wrong on all versions alike."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COMMA_AT_END = re.compile(r",\s*[\]}]")


class BadLineError(Exception):
    """A line, or another text, is nothing that could be sent; the message does not show its values."""


class WrongOptionError(BadLineError):
    """What an option says does not fit the file: rather than the line, the option is to be changed."""


class _TwoValuesError(Exception):
    """An object has the same key twice: the text says more than what is made of it, and than Inngest would keep."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _TwoValuesError
    return fields


# What raw_decode calls, which would take a tenth longer.
_scan = json.JSONDecoder(object_pairs_hook=_object).scan_once  # type: ignore[attr-defined]  # typeshed lacks it


def read_json(text: bytes) -> Any:
    """Return the value of a text that has no whitespace around it. Raises BadLineError."""
    decoded = ""
    try:
        decoded = text.decode()
        value, end = _scan(decoded, 0)
        if end == len(decoded):
            return value
        problem = _json_problem("Extra data", decoded, end)
    except StopIteration as err:
        problem = _json_problem("Expecting value", decoded, err.value)
    except UnicodeDecodeError:
        problem = "not UTF-8"
    except _TwoValuesError:
        problem = "a key has two values"
    except (ValueError, RecursionError) as err:
        problem = json_problem(err)
    raise BadLineError(problem)


def json_problem(error: Exception) -> str:
    """Return what the json module complains of, in words that do not change with its version, and where."""
    if isinstance(error, json.JSONDecodeError):
        return _json_problem(error.msg, error.doc, error.pos)
    return f"not JSON: {'nested too deeply' if isinstance(error, RecursionError) else 'a number with too many digits'}"


def _json_problem(message: str, text: str, at: int) -> str:
    if text == "{":
        return "not JSON: the object goes on in the next line; write each on one line, as jq -c does"
    before = len(text[:at].rstrip()) - 1
    for comma in (at, before):  # Python 3.13 stops at the comma, the others behind it
        if text[comma : comma + 1] == "," and (_COMMA_AT_END.match(text, comma) or not text[comma + 1 :].strip()):
            message, at = "a comma with nothing after it", comma
    place = f"column {at - text.rfind(chr(10), 0, at)}"
    if "\n" in text:
        place = f"line {1 + text.count(chr(10), 0, at)}, {place}"
    return f"not JSON: {message} ({place})"
