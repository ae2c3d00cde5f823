"""Bodies that come packed: what is in them, within bounds."""

import asyncio
import zlib
from typing import TYPE_CHECKING

from litestar.types import Receive, Scope

from tocsin.api import wire
from tocsin.kit.errors import Invalid
from tocsin.kit.later import later

if TYPE_CHECKING:
    import brotli
else:
    brotli = later("brotli")

_GZIP, _ZLIB, _BARE = 31, 15, -15  # how zlib is told what stands around the data


async def body_of(scope: Scope, receive: Receive, most: int) -> bytes:
    """The whole body, unpacked if it came packed; neither may have more than so many bytes."""
    body = await wire.body_of(receive, most)
    encoding = wire.header(scope, b"content-encoding")
    return body if encoding is None else await asyncio.to_thread(unpacked, encoding, body, most)


class NotPacked(Invalid):
    """The body is not packed as its header says."""


def unpacked(encoding: bytes | None, body: bytes, most: int) -> bytes:
    """What a body holds, by its header Content-Encoding. Raises NotPacked, or TooLarge beyond so many bytes."""
    match (encoding or b"identity").strip().lower():
        case b"identity" | b"":
            return body
        case b"gzip" | b"x-gzip":
            return _inflated(body, _GZIP, most, "gzip")
        case b"deflate":  # some send it with what the standard wants around it, and some bare
            return _inflated(body, _ZLIB if body[:1] == b"\x78" else _BARE, most, "deflate")
        case b"br":
            return _of_brotli(body, most)
        case _:
            raise NotPacked("The body is packed in a way that is not known here; send gzip, deflate, br, or nothing.")


def _inflated(body: bytes, around: int, most: int, name: str) -> bytes:
    unpacking = zlib.decompressobj(wbits=around)
    try:
        found = unpacking.decompress(body, most)
    except zlib.error:
        raise NotPacked(f"The body is not {name}, as its header says.") from None
    if unpacking.unconsumed_tail or len(found) >= most:
        raise _too_large(most)
    if not unpacking.eof:
        raise NotPacked(f"The body ends before its {name} does.")
    return found


def _of_brotli(body: bytes, most: int) -> bytes:
    unpacking = brotli.Decompressor()
    try:
        found: bytes = unpacking.process(body, output_buffer_limit=most)
    except brotli.error:
        raise NotPacked("The body is not br, as its header says.") from None
    if len(found) >= most:
        raise _too_large(most)
    if not unpacking.is_finished():
        raise NotPacked("The body ends before its br does.")
    return found


def _too_large(most: int) -> wire.TooLarge:
    return wire.TooLarge(f"The body has more than {most:,} bytes once unpacked; send less at a time.")
