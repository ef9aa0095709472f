"""A further part of a table is opened with the dialect of a known one only if detection finds the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.folders.folder_store import objects_of, store_of
from discovery.formats.files import TextFile, open_csv
from discovery.formats.part_dialects import is_part

FIRST = b'id,name,born\n1,Ada,2001-01-31\n2,"Grace, B.",2002-02-03\n3,Jan,2003-05-06\n'
HEADER = ("id", "name", "born")
fields = st.sampled_from(
    ["1", "27", "Ada", "2001-01-31", '"a, b"', '"the ""same"""', "", "'x'", "a;b", "x\\"]
)


def _opened(content: bytes, like: TextFile | None = None) -> TextFile:
    with TemporaryDirectory() as made:
        (Path(made) / "part.csv").write_bytes(content)
        [file] = objects_of(Path(made))
        return open_csv(store_of(Path(made)), file, {}, like)


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 999), fields, fields), min_size=4, max_size=8))
def test_a_part_has_the_dialect_that_is_detected(rows: list[tuple[int, str, str]]) -> None:
    first = _opened(FIRST)
    lines = "".join(f"{number},{name},{born}\n" for number, name, born in rows)
    content = FIRST + lines.encode()
    alone = _opened(content)
    if alone.dialect == first.dialect and alone.regular == 1:
        found = _opened(content, first)
        assert replace(found, object=alone.object, reasons={}, sure=1) == replace(alone, reasons={}, sure=1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (FIRST, True),
        (FIRST.replace(b"\n", b"\r\n"), True),
        (FIRST + b"4,Eve,", True),
        (FIRST + b"4,Eve\n", False),
        (FIRST.replace(b"born", b"died"), False),
        (FIRST.replace(b"Jan", rb'"\"Jan"'), False),
        (FIRST.replace(b"Jan", b"'Jan, Jr.'"), False),
        (b"id,name,born\n", False),
        (b"", False),
    ],
)
def test_a_part_has_the_header_and_regular_records(content: bytes, expected: bool) -> None:
    dialect = _opened(FIRST).dialect
    assert is_part(content, whole=True, encoding="utf-8", header=HEADER, dialect=dialect) is expected


def test_a_record_that_the_end_of_the_sample_cuts_is_not_validated() -> None:
    dialect = _opened(FIRST).dialect
    assert is_part(FIRST + b"4,E", whole=False, encoding="utf-8", header=HEADER, dialect=dialect)
