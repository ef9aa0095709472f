"""A dialect that is parallel is read in chunks and by columns as it is read in one piece, record by record."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.formats.csv_blocks import blocks, present_records, read_columns, regular_records
from dataforge.formats.csv_records import read_record
from dataforge.formats.csv_stream import raw_records, stream_records, whole_size_of
from dataforge.formats.dialect import Csv
from dataforge.formats.dialect_reader import fields_of, read_records
from dataforge.records.violation import Violation
from local.config import ROOT

HEADER = ("one", "two", "three")
SHARED = ROOT.parent / "shared" / "data"
PUBLISHED = sorted((*SHARED.glob("real/*/*"), *SHARED.glob("pollock/csv/*")))
PART = 8_000
"""Bytes of a published file that a test reads."""
Found = list[tuple[int, int, bytes, Mapping[str, str] | list[Violation]]]
"""Records: offset, line, bytes, and fields or violations."""


def declared(**words: object) -> Csv | None:
    """The dialect, or None if it is refused or not parallel."""
    try:
        dialect = Csv(**words)  # type: ignore[arg-type]
    except ValueError:
        return None
    return dialect if dialect.is_parallel else None


@st.composite
def dialects(draw: st.DrawFn) -> Csv:
    """A dialect that is parallel."""
    words = {
        "delimiter": st.sampled_from([",", ";", "\t", "|", "§", "x", " ", "\0", "\x1f", '"']),
        "quote": st.sampled_from(['"', "'", "~", "þ", None]),
        "encoding": st.sampled_from(
            ["cp1252", "iso8859-1", "cp437", "koi8-r", "euc_jp", "gb2312", "utf-8", "ascii"]
        ),
        "null": st.sampled_from([("",), ("", "N"), ("N", "\\N"), (), ("", "é")]),
        "quoted_null": st.booleans(),
        "short_records": st.booleans(),
    }
    found = draw(st.fixed_dictionaries(words).map(lambda chosen: declared(header=0, **chosen)).filter(bool))
    assert found is not None
    return found


@st.composite
def files(draw: st.DrawFn) -> tuple[Csv, bytes]:
    """A dialect and bytes that are rich in its marks; no CR without LF, which only the parallel reader refuses."""
    dialect = draw(dialects())
    delimiter, quote = (mark.encode(dialect.codec) for mark in (dialect.delimiters[0], dialect.quote or ""))
    texts = st.lists(
        st.sampled_from([b"a", b"N", b"\\N", b",", b'"', b";", b" ", b"\xe9", b"\x81", b"\xa4\xa2"]),
        max_size=3,
    )
    plain = texts.map(b"".join)
    inside = st.lists(st.sampled_from([b"a", quote * 2, delimiter, b"\n", b"\r\n", b"\xe9"]), max_size=3).map(
        b"".join
    )
    field = plain | inside.map(lambda text: quote + text + quote)
    record = st.lists(field, min_size=3, max_size=3).map(delimiter.join)
    any_piece = st.sampled_from([delimiter, quote, b"\n", b"\r\n", b"a"])
    end = st.sampled_from([b"\n", b"\r\n"])
    return dialect, b"".join(draw(st.lists(record | end | end | any_piece, max_size=15)))


def in_one_piece(data: bytes, dialect: Csv, header: tuple[str, ...] = HEADER) -> Found:
    return [
        (r.offset, r.line, r.raw, fields_of(r, header, dialect))
        for r in read_records(io.BytesIO(data).read, dialect)
    ]


def in_buffers(data: bytes, dialect: Csv, size: int, header: tuple[str, ...] = HEADER) -> Found:
    """As the parallel reader reads one record."""
    found: Found = []
    for records in stream_records(
        io.BytesIO(data).read, "file", buffer=size, whole_size=whole_size_of(dialect)
    ):
        for record in raw_records(records.data, records.line, dialect):
            fields = read_record(header, record.raw, record.malformed, None, dialect)
            found.append((records.start + record.offset, record.line, record.raw, fields))
    return found


def by_columns(
    data: bytes, dialect: Csv, size: int, header: tuple[str, ...] = HEADER
) -> dict[int, Mapping[str, str]]:
    """The fields of the records that Arrow reads, by offset."""
    found: dict[int, Mapping[str, str]] = {}
    for block in blocks(data, header, 0, size, None, None, dialect):
        chosen = (regular_records(block) & present_records(block)).nonzero()[0]
        table = read_columns(block, chosen) if len(chosen) else None
        for index, row in zip(chosen.tolist(), table.to_pylist() if table else [], strict=False):
            fields = {name: text for name, text in row.items() if text is not None}
            found[block.position + int(block.records.starts[index])] = fields
    return found


@settings(max_examples=40)
@given(file=files(), size=st.integers(1, 30))
def test_parallel_reading_equals_reading_in_one_piece(file: tuple[Csv, bytes], size: int) -> None:
    dialect, data = file
    whole = in_one_piece(data, dialect)
    assert in_buffers(data, dialect, size) == whole
    fields = {offset: found for offset, _, _, found in whole}
    columns = by_columns(data, dialect, size)
    assert columns == {offset: fields[offset] for offset in columns}


@pytest.mark.slow
@pytest.mark.skipif(not PUBLISHED, reason="../shared/data is absent")
def test_published_files_are_read_in_buffers_as_in_one_piece() -> None:
    compared = 0
    for path in PUBLISHED:
        data = path.read_bytes()[:PART]
        first = data.splitlines()[0] if data else b""
        delimiter = max(",;\t^", key=lambda mark: first.count(mark.encode()))
        dialect = Csv(
            delimiter=delimiter, quote="~" if delimiter == "^" else '"', encoding="cp1252", header=0
        )
        if b"\r" in data.replace(b"\r\n", b"\n"):
            continue
        header = tuple(f"c{number}" for number in range(first.count(delimiter.encode()) + 1))
        whole = in_one_piece(data, dialect, header)
        assert in_buffers(data, dialect, 1_000, header) == whole, path
        columns = by_columns(data, dialect, 1_000, header)
        fields = {offset: found for offset, _, _, found in whole}
        assert columns == {offset: fields[offset] for offset in columns}, path
        compared += len(columns)
    assert compared
