"""Detection of encodings, dialects and headers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.formats.dialect_reader import read_records
from discovery.formats.dialects import detect
from discovery.formats.encodings import detect_encoding
from discovery.formats.headers import detect_header

TEXT = "id{0}name{0}born\n" + "".join(f"{n}{{0}}Name {n}{{0}}2020-01-{n:02}\n" for n in range(1, 20))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
def test_delimiter_is_detected(delimiter: str) -> None:
    found = detect(TEXT.format(delimiter).encode(), whole=True)
    assert (found.dialect.delimiter, found.dialect.header) == (delimiter, 1)


def test_quotes_that_enclose_nothing_are_text() -> None:
    lines = "".join(f'{n};5" x {n};a{n}"\n' for n in range(1, 20))
    found = detect(f"id;size;note\n{lines}".encode(), whole=True)
    assert (found.dialect.delimiter, found.dialect.quote) == (";", None)


FIELD = st.text(st.sampled_from('ab1 ,;|\n"'), min_size=1, max_size=8)


@given(
    rows=st.lists(st.tuples(st.integers(0, 999).map(str), FIELD, FIELD), min_size=8, max_size=20),
    delimiter=st.sampled_from(",;|\t"),
)
def test_quoted_fields_are_read_as_they_were_written(rows: list[tuple[str, ...]], delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
        [("number", "first", "second"), *rows]
    )
    data = out.getvalue().encode()
    dialect = detect(data, whole=True).dialect
    read = [record.fields for record in read_records(io.BytesIO(data).read, dialect)]
    assert [fields for fields in read[dialect.header :] if fields] == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encoding_is_detected_by_marks_and_by_trying(encoding: str) -> None:
    text = "größe;straße\n" * 20
    name, reason = detect_encoding(text.encode(encoding), whole=True)
    assert text.encode(encoding).decode(name).lstrip("\ufeff") == text
    assert reason


def test_character_that_the_end_of_the_sample_cuts_does_not_exclude_utf_8() -> None:
    cut = "é".encode()[:1]
    assert detect_encoding(b"abc" + "é".encode() + cut, whole=False)[0] == "utf-8"
    assert detect_encoding(b"abc" + "é".encode() + cut, whole=True)[0] != "utf-8"


@pytest.mark.parametrize(
    ("rows", "lines", "skip"),
    [
        ([("id", "n"), ("1", "2"), ("2", "3")], 1, 0),
        ([("1", "2"), ("2", "3"), ("3", "4")], 0, 0),
        ([("Report",), ("id", "n"), ("1", "2"), ("2", "3")], 1, 1),
    ],
)
def test_header_differs_from_the_values_below_it(rows: list[tuple[str, ...]], lines: int, skip: int) -> None:
    found = detect_header(rows, 2)
    assert (found.lines, found.skip) == (lines, skip)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_dialect(data: bytes) -> None:
    found = detect(data, whole=True)
    assert 0 <= found.sure <= 1
