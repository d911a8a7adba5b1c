"""Reads JSON as the Inngest server does: with Go's error texts, to a depth of 10,000, numbers as 64-bit floats.

``json`` does the work, as deep as the interpreter's stack lets it: some versions refuse what Go takes, others take what
Go refuses. So where ``json`` refuses a text, or its brackets turn out to be too deep, an iterative parser goes over it
again, and says what Go would say. Writing is alike: ``json`` first, and without recursion what is too deep for it.
"""

from __future__ import annotations

import itertools
import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # as old as the module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

UNEXPECTED_END = "unexpected end of JSON input"
MAX_DEPTH = 10000  # containers in one another; Go's scanner refuses the next
SPACE = re.compile(r"[ \t\n\r]*")

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CHARACTERS = re.compile(r'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')  # of a string
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_GO_ESCAPES = {"'": r"\'", '"': '"', "\a": r"\a", "\b": r"\b", "\v": r"\v", "\f": r"\f"}  # where repr() differs
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|([][{}])')  # finds "" for a string
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1, "": 0}
_LITERALS = {"true": True, "false": False, "null": None}
_MAX_EXACT_DIGITS = 15  # an int of so many digits is a 64-bit float too


class GoError(ValueError):
    """What Go's encoding/json says of a text that it refuses."""


def _int(text: str) -> int:
    return int(text) if len(text) <= _MAX_EXACT_DIGITS else int(_float(text))


def _float(text: str) -> float:
    number = float(text)
    if number - number != 0.0:
        raise GoError(f"json: cannot unmarshal number {text} into Go struct field raw.data of type float64")
    return number


def _constant(text: str) -> float:
    raise ValueError(text)  # NaN and Infinity, which only Python's json takes


_decode = json.JSONDecoder(parse_int=_int, parse_float=_float, parse_constant=_constant).raw_decode


def read_value(text: str, start: int) -> tuple[Any, int]:
    """Return the value that begins at ``start``, and where it ends. Raises GoError."""
    try:
        value, end = _decode(text, start)
    except (ValueError, RecursionError):
        return _Parser(text, start).value()
    return _Parser(text, start).value() if _is_too_deep(text, start, end) else (value, end)


def _is_too_deep(text: str, start: int, end: int) -> bool:
    # Counted first, which costs next to nothing: hardly any event has so many brackets.
    if text.count("[", start, end) + text.count("{", start, end) <= MAX_DEPTH:
        return False
    brackets = _STRING_OR_BRACKET.findall(text, start, end)
    return max(itertools.accumulate(map(_STEPS.__getitem__, brackets))) > MAX_DEPTH


def unexpected(character: str, where: str) -> GoError:
    """Return what Go says of a character in a wrong place. Go reads bytes, so it shows the first of several."""
    byte = chr(character.encode()[0])
    return GoError(f"invalid character '{_GO_ESCAPES.get(byte) or repr(byte)[1:-1]}' {where}")


def skip_space(text: str, start: int) -> int:
    """Return the position of the first character from ``start`` on that is no white space."""
    match = SPACE.match(text, start)
    assert match is not None
    return match.end()


class _Parser:
    """Parses one value without recursion."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._at = start
        self._open: list[tuple[Any, Any]] = []  # containers that are not closed yet, with the key each stands at
        self._out_of_range: GoError | None = None  # told only of a value that is JSON to its end

    def value(self) -> tuple[Any, int]:
        """Return the value, and where it ends. Raises GoError."""
        while True:
            value, is_open = self._begin()
            while not is_open:  # the value is whole: put it where it belongs, and see whether that is whole now
                if not self._open:
                    if self._out_of_range is not None:
                        raise self._out_of_range
                    return value, self._at
                container, key = self._open.pop()
                if key is None:
                    container.append(value)
                else:
                    container[key] = value
                end = "]" if key is None else "}"
                character = self._next()
                if character == end:
                    value = container
                    continue
                if character != ",":
                    where = "array element" if key is None else "object key:value pair"
                    raise unexpected(character, f"after {where}")
                self._open.append((container, None if key is None else self._key()))
                break

    def _begin(self) -> tuple[Any, bool]:
        """Read a scalar, or the beginning of a container; return it, and whether it goes on."""
        character = self._next()
        if character in "[{":
            if len(self._open) >= MAX_DEPTH:
                raise unexpected(character, "exceeded max depth")
            end = "]" if character == "[" else "}"
            start = self._at
            if self._next() == end:
                return ([] if character == "[" else {}), False
            self._at = start
            self._open.append(([], None) if character == "[" else ({}, self._key()))
            return None, True
        if character == '"':
            return self._string(), False
        if character in "-0123456789":
            return self._number(), False
        for literal, value in _LITERALS.items():
            if literal[0] == character:
                for expected in literal[1:]:
                    character = self._take()
                    if character != expected:
                        raise unexpected(character, f"in literal {literal} (expecting '{expected}')")
                return value, False
        raise unexpected(character, "looking for beginning of value")

    def _number(self) -> float:
        """Read a number, whose first character was taken."""
        match = _NUMBER.match(self._text, self._at - 1)
        if match is None:
            raise unexpected(self._take(), "in numeric literal")
        self._at = match.end()
        fraction, exponent = match.groups()
        follows = self._text[self._at : self._at + 1]
        if follows == "." and not fraction and not exponent:
            self._at += 1
            raise unexpected(self._take(), "after decimal point in numeric literal")
        if follows in ("e", "E") and not exponent:
            self._at += 1
            character = self._take()
            raise unexpected(self._take() if character in "+-" else character, "in exponent of numeric literal")
        try:
            return (_float if fraction or exponent else _int)(match.group())
        except GoError as err:
            self._out_of_range = self._out_of_range or err
            return 0.0

    def _key(self) -> str:
        character = self._next()
        if character != '"':
            raise unexpected(character, "looking for beginning of object key string")
        key = self._string()
        character = self._next()
        if character != ":":
            raise unexpected(character, "after object key")
        return key

    def _string(self) -> str:
        try:
            string, self._at = scanstring(self._text, self._at, True)
            return str(string)
        except json.JSONDecodeError:
            raise self._string_error() from None

    def _string_error(self) -> GoError:
        match = _CHARACTERS.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        if self._at >= len(self._text):
            return GoError(UNEXPECTED_END)
        character = self._take()
        if character != "\\":
            return unexpected(character, "in string literal")
        character = self._take()
        if character != "u":
            return unexpected(character, "in string escape code")
        character = self._take()
        while character in _HEX_DIGITS:
            character = self._take()
        return unexpected(character, "in \\u hexadecimal character escape")

    def _next(self) -> str:
        """Take the next character that is no white space. Raises GoError where there is none."""
        self._at = skip_space(self._text, self._at)
        if self._at >= len(self._text):
            raise GoError(UNEXPECTED_END)
        return self._take()

    def _take(self) -> str:
        """Take the next character; at the end a space, as Go does to see whether a value may end there."""
        self._at += 1
        return self._text[self._at - 1] if self._at <= len(self._text) else " "


def to_json(value: Any) -> str:
    """Return a value that was read as JSON text, however deep it is."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "".join(json_pieces(value))


def json_pieces(value: Any, indent: int = 0) -> Iterator[str]:
    """Yield the JSON text of a value that was read, piece by piece; with ``indent`` spaces a level, on many lines."""
    pending: list[tuple[Iterator[tuple[str, Any]], str]] = []  # open containers: members to come, and how each ends
    members, end = iter([("", value)]), ""
    while True:
        for prefix, member in members:
            yield prefix
            if not member or type(member) not in (dict, list):
                yield json.dumps(member, ensure_ascii=False)
                continue
            pending.append((members, end))
            is_object = type(member) is dict
            yield "{" if is_object else "["
            margin = "\n" + " " * indent * len(pending) if indent else ""
            members = _members(member, is_object, margin, ": " if indent else ":")
            end = margin[: len(margin) - indent] + ("}" if is_object else "]")
            break
        else:
            yield end
            if not pending:
                return
            members, end = pending.pop()


def _members(container: Any, is_object: bool, margin: str, colon: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of a container, each with the text that precedes it."""
    comma = ""
    for key in container:
        if is_object:
            yield f"{comma}{margin}{json.dumps(key, ensure_ascii=False)}{colon}", container[key]
        else:
            yield f"{comma}{margin}", key
        comma = ","
