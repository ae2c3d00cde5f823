"""Bodies that come packed: what is in them, within bounds."""

import zlib

from tocsin.api import wire
from tocsin.kit.errors import Invalid


class NotPacked(Invalid):
    """The body is not packed as its header says."""


def unpacked(encoding: bytes | None, body: bytes, most: int) -> bytes:
    """What a body holds, by its header Content-Encoding. Raises NotPacked, or TooLarge beyond so many bytes."""
    if encoding is None or encoding.lower() == b"identity":
        return body
    if encoding.lower() != b"gzip":
        raise NotPacked("The body is packed in a way that is not known here; send gzip, or nothing.")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(body, most)
    except zlib.error:
        raise NotPacked("The body is not gzip, as its header says.") from None
    if unpacking.unconsumed_tail or len(found) >= most:
        raise wire.TooLarge(f"The body has more than {most:,} bytes once unpacked; send less at a time.")
    if not unpacking.eof:
        raise NotPacked("The body ends before its gzip does.")
    return found
