"""Row texts of a whole block to their hashes, without a Python string per row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

try:
    # Python's own: OpenSSL's takes longer to be set up than to digest a row. Not every build has it.
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:
    from hashlib import md5


def text_bytes(array: pa.Array) -> bytes:
    """The texts of an array without nulls, one after another."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
    return bytes(array.buffers()[2])[int(offsets[0]) : int(offsets[-1])] if len(array) else b""


def digests(body: pa.Array) -> list[bytes]:
    """The MD5 of each row's text, given without its parentheses. No text holds NUL: PostgreSQL's cannot."""
    if not len(body):
        return []
    texts = pc.binary_join_element_wise(pa.scalar("("), body, pa.scalar(")\0"), "")
    # Split at once: a slice per row, by its offsets, takes a fifth of the whole.
    pieces = text_bytes(texts).split(b"\0")
    pieces.pop()
    return [row.digest() for row in map(md5, pieces)]


def hash_total(found: list[bytes]) -> int:
    """The sum of the row hashes that the digests begin with, modulo 2**64."""
    if not found:
        return 0
    words = np.frombuffer(b"".join(found), ">u8")[::2].astype(np.uint64)
    return int(words.sum(dtype=np.uint64))
