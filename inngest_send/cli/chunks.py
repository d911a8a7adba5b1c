"""Reads files and pipes in chunks, as they come, and unpacks what is compressed.

A chunk is never waited for longer than LINGER: where a pipe is silent, b"" says so, that what came before can go out.
Every generator here and in ``records`` hands that on.
"""

from __future__ import annotations

import os
import select
import time
import zlib
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

CHUNK = 65536  # bytes
LINGER = 0.25  # seconds after which what came through a pipe is sent, when no more is there

_GZIP = b"\x1f\x8b"  # begins no text of JSON or CSV


def read_chunks(file: BinaryIO, is_file: bool) -> Iterator[bytes]:
    """Yield what can be read at a time. ``is_file``: it is a regular file, which is never silent. Raises OSError."""
    can_wait = not is_file and os.name == "posix"
    idle_at = time.monotonic() + LINGER
    while True:
        # A steady trickle is never silent for long: what waits for LINGER is to go out all the same.
        if can_wait and not select.select([file], [], [], max(0.0, idle_at - time.monotonic()))[0]:
            yield b""
            idle_at = time.monotonic() + LINGER
            continue
        chunk = file.read1(CHUNK)  # type: ignore[attr-defined]  # BinaryIO does not tell
        if not chunk:
            return
        yield chunk


def unpack_if_gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks, unpacked where they begin as those of a .gz file do. Raises EOFError, zlib.error."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_GZIP):
            break
        yield b""
    chunks = chain([head] if head else [], chunks)
    yield from unpack(chunks) if head.startswith(_GZIP) else chunks


def unpack(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what the members of a .gz file hold. Raises EOFError, zlib.error.

    Not by gzip.GzipFile, which waits for a whole block of a pipe, even after a signal.
    """
    decompressor = None
    for chunk in chunks:
        if not chunk:
            yield b""
        while chunk:
            if decompressor is None:
                chunk = chunk.lstrip(b"\0")  # a member may be padded
                if not chunk:
                    break
                decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
            content = decompressor.decompress(chunk, CHUNK)
            if content:
                yield content
            chunk = decompressor.unconsumed_tail
            if decompressor.eof:
                chunk, decompressor = decompressor.unused_data, None
    if decompressor is not None:
        raise EOFError("the compressed data is cut short")
