"""Compressed request bodies: decompression, errors and the limit."""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.defaults import BODY_BYTES
from dataforge.errors import BodyTooLarge, NotJson, WrongContentEncoding
from dataforge.http import Request
from dataforge.http.encoding import unpack

LIMIT = 1000
MEMBER = zlib.decompressobj


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 9)), min_size=1, max_size=3), st.integers(0, 9)
)
def test_gzip_of_any_bytes_is_decompressed_member_by_member(
    parts: list[tuple[bytes, int]], level: int
) -> None:
    whole = [part * times for part, times in parts]
    packed = b"".join(gzip.compress(part, level) for part in whole)
    assert unpack(packed, "gzip", 10 * LIMIT) == b"".join(whole)


@given(st.integers(0, 3 * LIMIT))
def test_body_is_rejected_from_the_first_byte_over_the_limit(size: int) -> None:
    packed = gzip.compress(b"0" * size)
    if size <= LIMIT:
        assert len(unpack(packed, "gzip", LIMIT)) == size
    else:
        with pytest.raises(BodyTooLarge):
            unpack(packed, "gzip", LIMIT)


def test_members_count_together_against_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        unpack(gzip.compress(b"0" * (LIMIT - 1)) * 2, "gzip", LIMIT)


def test_bytes_after_a_member_are_not_copied_for_each_member(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = []

    class Counted:
        """zlib's decompressor, which copies the bytes after its member; counts the bytes of its input."""

        def __init__(self, window: int) -> None:
            self.member = MEMBER(window)

        def decompress(self, data: bytes, most: int) -> bytes:
            fed.append(len(data))
            return self.member.decompress(data, most)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.member, name)

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    members = 2000
    assert unpack(gzip.compress(b"") * members, "gzip", LIMIT) == b""
    assert sum(fed) < members * 1100


def test_decompression_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(BODY_BYTES * 20))
    request = Request(
        "POST",
        "/v1/records",
        {"content-encoding": "gzip"},
        {},
        base64.b64encode(bomb).decode(),
        is_base64=True,
    )
    with pytest.raises(BodyTooLarge, match="decompressed"):
        _ = request.body


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(b"{}" * 100, mtime=0)[:-1],
        gzip.compress(b"{}" * 100, mtime=0)[:20],
        gzip.compress(b"{}", mtime=0) + b"{}",
        gzip.compress(b"{}", mtime=0)[:-8] + bytes(8),
        b"\x1f\x8b",
    ],
    ids=["without its end", "truncated", "with trailing bytes", "with a wrong checksum", "two bytes"],
)
def test_damaged_gzip_is_rejected(damaged: bytes) -> None:
    with pytest.raises(NotJson, match="gzip"):
        unpack(damaged, "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "x"])
def test_other_encoding_is_rejected(encoding: str) -> None:
    with pytest.raises(WrongContentEncoding):
        unpack(zlib.compress(b"{}"), encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "GZIP", " x-gzip "])
def test_body_that_the_gateway_decompressed_is_returned_unchanged(encoding: str) -> None:
    assert unpack(b'{"records": []}', encoding, LIMIT) == b'{"records": []}'
