"""Cuts chunks of bytes into records: the lines of a file, or the items of one JSON array.

Each function is a generator of (number, text), and IDLE while a pipe is silent; it returns how many records there
were. What is in the text is not looked at, but for where it ends. ``where`` says how a message names a number.
"""

from __future__ import annotations

import codecs
import json
import re

from .chunks import CHUNK
from .json_text import json_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Tuple

    Entry = Tuple[int, bytes]
    Entries = Generator[Entry, None, int]
    Where = Callable[[int], str]

MAX_LINE = 32 * 1024 * 1024  # bytes; an event of 3 MiB takes up to six times that when all of it is escaped
IDLE = (0, b"")
"""What is yielded when a pipe is silent: there is time to send what came."""
BOM = codecs.BOM_UTF8

_UTF_16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOM_OF_LINE = re.compile(b"(?m)^(?:%b)+" % BOM)
_SPACE = re.compile(r"[ \t\r\n]*")


class UnreadableError(Exception):
    """A source cannot be read on. The message names it, and says where.

    ``is_option_wrong``: it could be, if an option were changed.
    """

    def __init__(self, problem: str, *, is_option_wrong: bool = False) -> None:
        super().__init__(problem)
        self.is_option_wrong = is_option_wrong


def wrong_encoding(head: bytes) -> str:
    """Return what is wrong with a text that begins so, if that shows; "" otherwise."""
    if head.startswith(_UTF_16_BOMS) or head[:2].count(0) == 1:
        return "UTF-16 text: make it UTF-8, as iconv -f UTF-16 -t UTF-8 does"
    return ""


def split_lines(head: bytes, chunks: Iterator[bytes], where: Where) -> Entries:
    """Yield the lines that are not blank, without surrounding whitespace. Raises UnreadableError."""
    number = 0
    pieces = [head]
    while True:
        block = b"".join(pieces)
        if BOM in block:
            block = _BOM_OF_LINE.sub(b"", block)  # also where files were joined
        *lines, last = block.split(b"\n")
        for line in lines:
            number += 1
            line = line.strip()
            if line:
                yield number, line
        pieces = [last]
        size = len(last)
        for chunk in chunks:
            if not chunk:
                yield IDLE
                continue
            pieces.append(chunk)
            size += len(chunk)
            if b"\n" in chunk:
                break
            if size > MAX_LINE:
                raise UnreadableError(f"{where(number + 1)}: a line of more than {MAX_LINE:,} bytes")
        else:
            last = _BOM_OF_LINE.sub(b"", b"".join(pieces))
            if last.strip():
                yield number + 1, last.strip()
            return number + bool(last)


def split_array(head: bytes, chunks: Iterator[bytes], where: Where) -> Entries:
    """Yield the items of an array, each on one line. Raises UnreadableError."""
    # What is not UTF-8 becomes a lone surrogate, which the event is then refused for, and no other item.
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    scan = json.JSONDecoder().raw_decode
    text = decode(head)
    at = text.index("[") + 1
    number, wanted, is_over = 1, 0, False
    while True:
        at = _skip(text, at)
        if text.startswith("]", at) and number == 1:
            break
        try:
            _, end = scan(text, at)
            after = _skip(text, end)
            if after == len(text) and not is_over:
                raise ValueError
        except (ValueError, RecursionError) as err:
            if is_over or len(text) - at > MAX_LINE:
                raise UnreadableError(f"{where(number)}: {_array_problem(text, at, err, is_over)}") from None
            wanted = max(CHUNK, 2 * (len(text) - at))  # twice as much: a long item takes no quadratic time
            text, at = text[at:], 0
            while len(text) < wanted and not is_over:
                chunk = next(chunks, None)
                is_over = chunk is None
                if chunk == b"":
                    yield IDLE
                text += decode(chunk or b"", is_over)
            continue
        yield number, text[at:end].replace("\n", " ").replace("\r", " ").encode("utf-8", "surrogateescape")
        number += 1
        if text.startswith("]", after):
            at = after
            break
        if not text.startswith(",", after):
            raise UnreadableError(f"{where(number - 1)}: expected a comma or the end of the array after it")
        at = after + 1
    rest = text[at + 1 :] + "".join(decode(chunk) for chunk in chunks)
    if rest.strip():
        raise UnreadableError(f"{where(number)}: there is text after the array")
    return number - 1


def _array_problem(text: str, at: int, error: Exception, is_over: bool) -> str:
    if not is_over:
        return f"an item of more than {MAX_LINE:,} bytes, or one that does not end"
    if at == len(text):
        return "the array ends here"
    if text.startswith("]", at):
        return "the array ends after a comma; remove it"
    return f"not JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else json_problem(error)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
