"""A CSV of any dialect yields the records that were written, for any size of the pieces that are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.formats import dialect_reader
from dataforge.formats.csv_boundaries import EMPTY_LINES, parse_fields, split_records
from dataforge.formats.dialect import ENCODINGS, Csv
from dataforge.formats.dialect_reader import Record, RecordTooLong, fields_of, read_records
from local.config import ROOT

POLLOCK = ROOT.parent / "shared" / "data" / "pollock"
REAL = ROOT.parent / "shared" / "data" / "real"

LATIN = st.text(st.sampled_from("abcäé ,;|\t\"'\\\n\r#~^"), max_size=6)
ROWS = st.lists(st.lists(LATIN, min_size=2, max_size=4), max_size=5)


def in_pieces(data: bytes, size: int) -> Callable[[int], bytes]:
    stream = io.BytesIO(data)
    return lambda _: stream.read(size)


def read(data: bytes, dialect: Csv, size: int = 7) -> list[Record]:
    return list(read_records(in_pieces(data, size), dialect))


def write(rows: list[list[str]], dialect: Csv, end: str) -> str:
    """The rows as Python's writer writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=dialect.delimiters[0],
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        doublequote=dialect.escape is None,
        lineterminator=end,
        quoting=csv.QUOTE_ALL,
    )
    writer.writerows(rows)
    return text.getvalue()


@given(
    rows=ROWS,
    delimiter=st.sampled_from([",", ";", "|", "\t", "^", "é"]),
    quote=st.sampled_from(['"', "'", "~"]),
    escape=st.sampled_from([None, "\\"]),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-16-be", "utf-32", "gb18030"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.integers(1, 20),
)
def test_written_rows_are_read_in_every_dialect(
    rows: list[list[str]],
    delimiter: str,
    quote: str,
    escape: str | None,
    encoding: str,
    end: str,
    size: int,
) -> None:
    dialect = Csv(delimiter=delimiter, quote=quote, escape=escape, encoding=encoding, header=0)
    data = write(rows, dialect, end).encode(encoding)
    records = read(data, dialect, size)
    assert [list(record.fields or ()) for record in records] == rows
    assert all(data[r.offset : r.offset + len(r.raw)] == r.raw for r in records)


@given(
    rows=st.lists(
        st.lists(st.text(st.sampled_from('ab"; x'), max_size=6), min_size=2, max_size=3), max_size=4
    ),
    size=st.integers(1, 9),
)
def test_quotes_that_are_not_doubled_are_text(rows: list[list[str]], size: int) -> None:
    data = "".join("|".join(f'"{field}"' for field in row) + "\n" for row in rows).encode()
    dialect = Csv(delimiter="|", header=0, doubled=False)
    assert [list(record.fields or ()) for record in read(data, dialect, size)] == rows


BACKSLASH = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v"}


@given(
    rows=st.lists(
        st.lists(st.none() | st.text(st.sampled_from("aN\\\n\r\t\v,"), max_size=6), min_size=2, max_size=3),
        max_size=4,
    ),
    size=st.integers(1, 9),
)
def test_text_of_copy_is_read_as_postgresql_writes_it(rows: list[list[str | None]], size: int) -> None:
    codes = str.maketrans({v: f"\\{k}" for k, v in BACKSLASH.items()} | {"\\": "\\\\"})
    lines = ("\t".join(r"\N" if v is None else v.translate(codes) for v in row) + "\n" for row in rows)
    dialect = Csv(delimiter="\t", quote=None, escape="\\", escapes=BACKSLASH, null=(r"\N",), header=0)
    found = read("".join(lines).encode(), dialect, size)
    names = ("a", "b", "c")
    assert [
        fields_of(record, names[: len(row)], dialect) for record, row in zip(found, rows, strict=True)
    ] == [{name: value for name, value in zip(names, row, strict=False) if value is not None} for row in rows]


def test_record_end_may_begin_with_a_delimiter() -> None:
    records = read(b"1|a|\n2|b|\n", Csv(delimiter="|", quote=None, record_end="|\n", header=0))
    assert [record.fields for record in records] == [("1", "a"), ("2", "b")]


def test_escapes_need_an_escape_character() -> None:
    with pytest.raises(ValueError, match="add escape="):
        Csv(escapes={"n": "\n"})
    with pytest.raises(ValueError, match="one character"):
        Csv(escape="\\", escapes={"nn": "\n"})


@given(data=st.text(st.sampled_from('ab,"\n\r'), max_size=40), size=st.integers(1, 9))
def test_rfc_4180_is_read_as_the_parallel_reader_reads_it(data: str, size: int) -> None:
    raw = data.encode().replace(b"\r", b"\r\n")
    found = split_records(raw, last=True)
    expected = []
    for number, (start, end) in enumerate(zip(found.starts.tolist(), found.ends.tolist(), strict=True)):
        record = raw[start:end]
        if record not in EMPTY_LINES:
            fields = None if number in found.malformed else parse_fields(record)
            expected.append((start, None if fields is None else [f.decode() for f in fields]))
    records = read(raw, Csv(header=0), size)
    assert [(r.offset, None if r.fields is None else list(r.fields)) for r in records] == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_read(encoding: str) -> None:
    data = 'a,"b\nc"\r\nd,e\r\n'.encode(encoding)
    assert [r.fields for r in read(data, Csv(encoding=encoding, header=0))] == [("a", "b\nc"), ("d", "e")]


def test_byte_order_mark_is_excluded_and_determines_the_byte_order() -> None:
    data = b"\xfe\xff" + "a,b\n".encode("utf-16-be")
    (record,) = read(data, Csv(encoding="utf-16", header=0))
    assert (record.fields, record.offset) == (("a", "b"), 2)


def test_second_byte_of_a_character_is_not_a_delimiter() -> None:
    data = "表\\,x\n".encode("cp932")
    dialect = Csv(encoding="cp932", delimiter="\\", header=0)
    assert [r.fields for r in read(data, dialect)] == [("表", ",x")]


def test_invalid_bytes_are_an_error_of_their_record_only() -> None:
    records = read(b"a,b\nc,\xff\nd,e\n", Csv(header=0))
    assert [(r.line, r.fields, r.error) for r in records] == [
        (1, ("a", "b"), ""),
        (2, None, "encoding"),
        (3, ("d", "e"), ""),
    ]


def test_illegal_quote_damages_its_record_only() -> None:
    records = read(b'a,b"c\nd,"e"f\ng,h\n', Csv(header=0))
    assert [(r.line, r.fields) for r in records] == [(1, None), (2, None), (3, ("g", "h"))]


def test_quotes_inside_fields_are_text_unless_the_dialect_is_strict() -> None:
    data = b"Men's,'These Men's,\nboots',''\n'x''y','\n"
    records = read(data, Csv(quote="'", strict=False, header=0))
    assert [r.fields for r in records] == [("Men's", "These Men's,\nboots", ""), ("x'y", "'")]


def test_several_delimiters_of_any_length_are_read() -> None:
    data = b"a::b;c::d\n"
    (record,) = read(data, Csv(delimiter=("::", ";"), header=0))
    assert record.fields == ("a", "b", "c", "d")


def test_skipped_lines_comments_and_footers_are_excluded() -> None:
    data = b'made "by a tool\n\n#x,"\nid,name\n#1,2\n1,a\n2,b\ntotal,2\n'
    records = read(data, Csv(skip=2, comment="#", skip_footer=1))
    assert [(r.line, r.fields) for r in records] == [(4, ("id", "name")), (6, ("1", "a")), (7, ("2", "b"))]


def test_lines_are_text_if_another_record_end_is_declared() -> None:
    records = read(b"a\nb,c\x1ed,e\x1e", Csv(record_end="\x1e", header=0))
    assert [r.fields for r in records] == [("a\nb", "c"), ("d", "e")]


def test_escape_before_other_characters_is_text() -> None:
    (record,) = read(rb'\N,"a\"b",c\,d' + b"\n", Csv(escape="\\", header=0))
    assert record.fields == ("\\N", 'a"b', "c,d")
    assert record.quoted == (False, True, True)


def test_quote_that_never_closes_is_refused_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect_reader, "LONGEST_RECORD", 100)
    with pytest.raises(RecordTooLong) as caught:
        read(b'a,b\nc,"' + b"x" * 500, Csv(header=0))
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"delimiter": ""}, "delimiter is empty"),
        ({"delimiter": "\n"}, "holds a record end"),
        ({"quote": "ab"}, "one character"),
        ({"encoding": "utf-7"}, "not read"),
        ({"encoding": "cp1252", "delimiter": "表"}, "not a character of cp1252"),
        ({"delimiter": '"'}, "holds the quote"),
        ({"skip": -1}, "0 or more"),
        ({"header": None}, "header is None; it must be a number"),
        ({"null": "NULL"}, r"write a tuple: null=\('NULL',\)"),
    ],
)
def test_dialect_that_cannot_be_read_is_refused(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Csv(**wrong)  # type: ignore[arg-type]


@pytest.mark.skipif(not POLLOCK.is_dir(), reason="../shared/data/pollock is absent")
@pytest.mark.parametrize(
    "path", sorted((POLLOCK / "csv").glob("*")) if POLLOCK.is_dir() else [], ids=lambda p: p.name
)
def test_undamaged_records_of_pollock_are_read_exactly(path: Path) -> None:
    given = json.loads((POLLOCK / "parameters" / f"{path.name}_parameters.json").read_text())
    clean = list(csv.reader(io.StringIO((POLLOCK / "clean" / path.name).read_text())))[
        given["header_lines"] and 1 :
    ]
    if not clean or path.name.startswith(DAMAGED):
        return
    escape = given["escapechar"][:1] or None
    dialect = Csv(
        delimiter=given["delimiter"],
        quote=given["quotechar"][:1] or None,
        escape=None if escape == given["quotechar"][:1] else escape,
        encoding=given["encoding"],
        header=given["header_lines"],
        skip=given["preamble_lines"],
        strict=given["quotechar"][:1] == '"',
    )
    records = [[f.strip() for f in r.fields or ()] for r in read(path.read_bytes(), dialect, 1 << 16)]
    width = len(clean[0])
    found = [record for record in records[dialect.header :] if len(record) == width]
    wanted = [[field.strip() for field in row] for row in clean]
    spoiled = 1 if path.name.startswith("row_") else 0
    assert sum(row not in found for row in wanted) <= spoiled


DAMAGED = ("file_escape_char_0x00", "file_field_delimiter_0x20")
"""Files in which the marks are text as well: no reader can distinguish them."""
