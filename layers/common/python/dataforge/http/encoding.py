"""Compressed request bodies: unpacked in pieces, and never beyond the limit, whatever they claim to hold."""

from __future__ import annotations

import zlib

from dataforge.errors import BodyTooLarge, NotJson, WrongContentEncoding

_GZIP = b"\x1f\x8b"
_AS_IT_IS = {"", "identity"}
_WINDOW = 16 + zlib.MAX_WBITS
"""A gzip header and trailer, and no other format of zlib's."""
_PIECE = 1024
"""Bytes fed at once. zlib copies what is left behind a member: of a large body with many members, most of it each time."""


def unpack(data: bytes, encoding: str, limit: int) -> bytes:
    """The body's own bytes. ``encoding``: the header Content-Encoding.

    A body that does not begin as gzip does is taken as it is: API Gateway unpacks bodies where its compression is switched
    on, and leaves the header. No JSON text begins with these two bytes. Raises ``WrongContentEncoding``, ``BodyTooLarge``,
    ``NotJson`` for a damaged or incomplete stream.
    """
    name = encoding.strip().lower()
    if name in _AS_IT_IS:
        return data
    if name not in {"gzip", "x-gzip"}:
        raise WrongContentEncoding(encoding)
    return _gunzip(data, limit) if data.startswith(_GZIP) else data


def _gunzip(data: bytes, limit: int) -> bytes:
    """All members of the stream, one after the other, as gzip itself reads them."""
    unpacked = bytearray()
    rest = memoryview(data)
    member = zlib.decompressobj(_WINDOW)
    while rest:
        if member.eof:
            member = zlib.decompressobj(_WINDOW)
        piece = rest[:_PIECE]
        try:
            unpacked += member.decompress(piece, limit + 1 - len(unpacked))
        except zlib.error:
            raise NotJson("The body is not valid gzip.") from None
        if len(unpacked) > limit:
            raise BodyTooLarge(None, limit)
        rest = rest[len(piece) - len(member.unused_data) - len(member.unconsumed_tail) :]
    if not member.eof:
        raise NotJson("The body is not valid gzip: it is incomplete.")
    return bytes(unpacked)
