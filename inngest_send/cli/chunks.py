"""Reads files and pipes in chunks, as they come, and unpacks what is compressed.

A chunk is never waited for longer than LINGER: where a pipe is silent, b"" says so, that what came before can go out.
Every generator here and in ``records`` hands that on.
"""

from __future__ import annotations

import os
import time
import zlib
from itertools import chain

from . import descriptor_io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
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
        if can_wait and not descriptor_io.wait_to_read(file.fileno(), idle_at - time.monotonic()):
            yield b""
            idle_at = time.monotonic() + LINGER
            continue
        chunk = descriptor_io.read(file, CHUNK)
        if not chunk:
            return
        yield chunk


def unpack_if_gzip(chunks: Iterator[bytes]) -> Generator[bytes, None, bool]:
    """Do what ``unpack`` does where the chunks begin as those of a .gz file do, else yield them as they are."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_GZIP):
            break
        yield b""
    chunks = chain([head] if head else [], chunks)
    if head.startswith(_GZIP):
        return (yield from unpack(chunks))
    yield from chunks
    return False


def unpack(chunks: Iterator[bytes]) -> Generator[bytes, None, bool]:
    """Yield what the members of a .gz file hold. Raises EOFError, zlib.error.

    Not by gzip.GzipFile, which waits for a whole block of a pipe, even after a signal. What stands behind a member
    and is none is read and left out, as gzip does it; return whether there was such a thing.
    """
    decompressor = None
    has_member = False
    head = b""  # of a member
    for chunk in chunks:
        if not chunk:
            yield b""
        while chunk:
            if decompressor is None:
                head = (head + chunk).lstrip(b"\0")  # a member may be padded
                if has_member and not head.startswith(_GZIP):
                    if not _GZIP.startswith(head):
                        for _ in chunks:
                            yield b""
                        return True
                    break
                decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
                chunk, head = head, b""
            content = decompressor.decompress(chunk, CHUNK)
            if content:
                yield content
            chunk = decompressor.unconsumed_tail
            if decompressor.eof:
                chunk, decompressor, has_member = decompressor.unused_data, None, True
    if decompressor is not None:
        raise EOFError("the compressed data is cut short")
    return bool(head)
