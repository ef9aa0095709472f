"""Reading in pieces gives what reading the whole gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataforge.formats import csv_boundaries, json_boundaries
from dataforge.formats.csv_boundaries import Scanned, pieces, split_records
from functions.migrate.scan.scan import scan_pieces

SOUP = st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r\n", b"a", b"\r", b'""', b"bc", b'","', b'"\n"', "ã".encode()]),
    max_size=40,
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(SOUP, st.integers(1, 20))
@example(b"a\rb\rc\r", 1)
@example(b'"open\n\n\n', 2)
def test_pieces_have_the_records_of_the_whole(data: bytes, size: int) -> None:
    ends: list[int] = []
    malformed: list[int] = []
    joined = b""
    for offset, piece, records in pieces(data, size):
        assert offset == len(joined)
        malformed += [len(ends) + index for index in records.malformed]
        ends += [offset + end for end in records.ends.tolist()]
        joined += piece
    whole = split_records(data, last=True)
    assert (joined, ends, malformed) == (data, whole.ends.tolist(), whole.malformed)


def test_piece_is_as_long_as_asked_unless_a_line_is_longer() -> None:
    data = b"12345\n" * 100 + b"x" * 1000 + b"\n"
    assert [len(piece) for _, piece, _ in pieces(data, 60)] == [60] * 10 + [1001]


@pytest.mark.parametrize("scan", [csv_boundaries.scan, json_boundaries.scan])
@settings(max_examples=200, deadline=None)
@given(data=SOUP.filter(bool), size=st.integers(1, 20))
def test_scan_of_pieces_is_the_scan_of_the_whole(
    scan: Callable[[bytes], Scanned], data: bytes, size: int
) -> None:
    parts = (data[start : start + size] for start in range(0, len(data), size))
    assert scan_pieces(parts, scan) == scan(data)
