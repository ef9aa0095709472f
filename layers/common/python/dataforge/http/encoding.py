"""Decompress request bodies in pieces, up to a limit."""

from __future__ import annotations

import zlib

from dataforge.errors import BodyTooLarge, NotJson, WrongContentEncoding

_GZIP = b"\x1f\x8b"
_AS_IT_IS = {"", "identity"}
_WINDOW = 16 + zlib.MAX_WBITS
"""Accept gzip only, not the other formats of zlib."""
_PIECE = 1024
"""Bytes per call. zlib copies the input behind a member, which is slow for a large body with many members."""


def unpack(data: bytes, encoding: str, limit: int) -> bytes:
    """The decompressed body. ``encoding``: the header Content-Encoding.

    A body without the first bytes of gzip is returned unchanged: API Gateway decompresses bodies if its compression is
    enabled, and retains the header. No JSON text begins with these two bytes. Raises ``WrongContentEncoding``,
    ``BodyTooLarge``, and ``NotJson`` for a damaged or incomplete stream.
    """
    name = encoding.strip().lower()
    if name in _AS_IT_IS:
        return data
    if name not in {"gzip", "x-gzip"}:
        raise WrongContentEncoding(encoding)
    return _gunzip(data, limit) if data.startswith(_GZIP) else data


def _gunzip(data: bytes, limit: int) -> bytes:
    """The decompressed members of the stream, concatenated."""
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
