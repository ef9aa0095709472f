"""Decompress bz2 and xz as streams, in bounded memory."""

from __future__ import annotations

import bz2
import io
import lzma
from typing import Any

_PIECE = 1 << 18
_XZ_MEMORY = 128 << 20
"""``xz -9`` needs 65 MiB. A file may declare 4 GiB."""


class Decoder(io.RawIOBase):
    """The text of the concatenated streams of a bz2 or xz file.

    Python's BZ2File and LZMAFile ignore what follows a stream and is not one. Here it is an error: the start of the next
    stream may be damaged. Raises ``OSError``, ``EOFError`` or ``lzma.LZMAError``.
    """

    def __init__(self, body: Any, compression: str) -> None:
        self._body, self._compression = body, compression
        self._decoder = self._new()

    def _new(self) -> bz2.BZ2Decompressor | lzma.LZMADecompressor:
        if self._compression == "bz2":
            return bz2.BZ2Decompressor()
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at most the buffer's size; 0 at the end."""
        while True:
            data = b""
            if self._decoder.eof:
                data = self._following()
                if not data:
                    return 0
                self._decoder = self._new()
            elif self._decoder.needs_input:
                data = self._body.read(_PIECE)
                if not data:
                    raise EOFError("it ends inside a compressed stream")
            text = self._decoder.decompress(data, max_length=len(buffer))
            if text:
                buffer[: len(text)] = text
                return len(text)

    def _following(self) -> bytes:
        """The bytes after a stream. xz allows zeros there."""
        data: bytes = self._decoder.unused_data
        while True:
            if self._compression == "xz":
                data = data.lstrip(b"\0")
            if data:
                return data
            data = self._body.read(_PIECE)
            if not data:
                return b""
