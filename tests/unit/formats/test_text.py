"""A file's text, compressed or not: pieces of the requested size, and errors for truncated files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pytest
from botocore.response import StreamingBody
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.errors import DamagedFile, Unavailable
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def zstd(text: bytes) -> bytes:
    return bytes(pa.compress(text, "zstd", asbytes=True))


def xz(text: bytes) -> bytes:
    return lzma.compress(text, preset=0)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "f.csv": bytes,
    "f.csv.gz": gzip.compress,
    "f.csv.zst": zstd,
    "f.csv.bz2": bz2.compress,
    "f.csv.xz": xz,
}
COMPRESSED = [name for name in PACKED if name != "f.csv"]
TEXT = Random(1).randbytes(300_000) + b"x" * 300_000


@lru_cache
def packed(name: str) -> bytes:
    return PACKED[name](TEXT)


class Drip(io.BytesIO):
    """A stream that returns fewer bytes than requested, like a stream from the network."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size if size is not None and size >= 0 else 7_919, 7_919))


class Bucket:
    """An object whose response announces ``length`` bytes and contains ``body``."""

    def __init__(self, body: bytes, length: int) -> None:
        self.body, self.length = body, length

    def get_object(self, Range: str = "", **_: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        start = int(Range.removeprefix("bytes=").partition("-")[0] or 0)
        return {"Body": StreamingBody(Drip(self.body[start:]), self.length - start)}


def read(name: str, body: bytes, length: int, start: int, size: int) -> list[bytes]:
    """The pieces of the text starting at ``start``."""
    pieces = []
    with open_text(cast("S3Client", Bucket(body, length)), Object("raw", name, "", length), start) as text:
        while piece := text.read(size):
            pieces.append(piece)
    return pieces


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PACKED)), st.integers(0, 600_100), st.integers(5_000, 700_000))
def test_text_is_returned_in_pieces_of_the_requested_size(name: str, start: int, size: int) -> None:
    body = packed(name)
    if start >= len(TEXT) and name == "f.csv":
        start = len(TEXT) - 1
    pieces = read(name, body, len(body), start, size)
    assert b"".join(pieces) == TEXT[start:]
    assert all(len(piece) == size for piece in pieces[:-1])


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_interrupted_body_raises_unavailable(name: str, share: float) -> None:
    body = packed(name)
    with pytest.raises(Unavailable):
        read(name, body[: int(len(body) * share)], len(body), 0, 10_000)


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_truncated_file_raises_damaged_file(name: str, share: float) -> None:
    body = packed(name)
    cut = body[: int(len(body) * share)]
    with pytest.raises(DamagedFile, match=name):
        read(name, cut, len(cut), 0, 10_000)


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("damage", [b"not compressed in spite of its name", b"\x1f\x8b\x08garbage" * 9])
def test_file_of_another_format_raises_damaged_file(name: str, damage: bytes) -> None:
    with pytest.raises(DamagedFile, match=name):
        read(name, damage, len(damage), 0, 10_000)


@pytest.mark.parametrize("name", COMPRESSED)
def test_concatenated_streams_are_one_text(name: str) -> None:
    body = PACKED[name](b"a,b\n1,") + PACKED[name](b"") + PACKED[name](b"2\n")
    assert b"".join(read(name, body, len(body), 0, 5)) == b"a,b\n1,2\n"


@pytest.mark.parametrize("name", ["f.csv.gz", "f.csv.bz2", "f.csv.xz"])
def test_bytes_after_a_stream_that_are_none_raise_damaged_file(name: str) -> None:
    body = PACKED[name](b"a\n1\n") + b"another"
    with pytest.raises(DamagedFile, match=name):
        read(name, body, len(body), 0, 10_000)


def test_zeros_after_an_xz_stream_are_padding() -> None:
    body = xz(b"a\n") + bytes(8) + xz(b"1\n") + bytes(4)
    assert read("f.csv.xz", body, len(body), 0, 10_000) == [b"a\n1\n"]


def test_xz_file_that_needs_too_much_memory_is_refused() -> None:
    huge = lzma.compress(b"a\n", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 << 20}])
    with pytest.raises(DamagedFile, match="Memory usage limit"):
        read("f.csv.xz", huge, len(huge), 0, 10_000)
