"""CSV and Parquet are read as by migrations: the same records, lines and reasons, for any size and form."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.bulk.blocks import TableBatcher
from dataforge.errors import MissingColumn, WrongHeader
from dataforge.formats.csv_blocks import blocks
from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.formats.csv_header import HEADER_BYTES
from dataforge.records.validate import validate
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DATASETS
from dataforge_cli.errors import WrongCall
from dataforge_cli.records.json_lines import Read, Sent, Unreadable
from dataforge_cli.records.sources import BadFile, Form, find_source
from dataforge_cli.records.tabular import read_csv

Part = tuple[tuple[str, ...], bytes]
OLIST = DATASETS["olist"]


FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)


@given(st.lists(st.lists(FIELDS, min_size=2, max_size=2), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_written_csv_is_read_with_equal_values(rows: list[list[str]], end: str) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    found = list(read_csv(io.BytesIO(buffer.getvalue().encode()), "t"))
    expected = [{name: value for name, value in zip("ab", row, strict=True) if value} for row in rows]
    assert [json.loads(r.data) for r in found if isinstance(r, Sent)] == expected
    header = len('"a","b"' + end)
    assert sum(record.size for record in found) == len(buffer.getvalue().encode()) - header


def test_csv_record_has_its_line_and_omits_empty_fields() -> None:
    found = list(read_csv(io.BytesIO(b'\xef\xbb\xbfa,b\n1,\n\n"x\ny",2\n3,4\n'), "t"))
    assert [(r.line, json.loads(r.data)) for r in found if isinstance(r, Sent)] == [
        (2, {"a": "1"}),
        (4, {"a": "x\ny", "b": "2"}),
        (6, {"a": "3", "b": "4"}),
    ]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"1,2,3", "field_count"),
        (b"1", "field_count"),
        (b'"1"x,2', "csv_quote"),
        (b"\xff,2", "string_unicode"),
        (b"b,a", "repeated_header"),
        (b"\xef\xbb\xbfa,b", "repeated_header"),
        (b"\xef\xbb\xbf5,6", "byte_order_mark"),
    ],
)
def test_csv_record_of_the_wrong_shape_is_stored_with_its_reason(record: bytes, code: str) -> None:
    good, bad, last = read_csv(io.BytesIO(b"a,b\n1,2\n" + record + b"\n3,4\n"), "t")
    assert isinstance(good, Sent)
    assert isinstance(last, Sent)
    assert isinstance(bad, Unreadable)
    assert bad.line == 3
    kept = json.loads(bad.kept)
    assert (kept["table"], kept["errors"][0]["code"], bad.code) == ("t", code, code)
    assert bad.reason == kept["errors"][0]["message"]
    assert kept["data"]["csv"] == record.decode(errors="backslashreplace")


@pytest.mark.parametrize("header", [b"", b"a,a\n", b"a,\n"])
def test_csv_without_a_usable_header_is_refused(header: bytes) -> None:
    with pytest.raises(ValueError, match="the first line must name the columns"):
        list(read_csv(io.BytesIO(header), "t"))


def test_header_that_ends_with_a_bare_carriage_return_is_refused_before_the_rest_is_read() -> None:
    stream = io.BytesIO(b"a,b\r" + b"1,2\r" * 500_000)
    with pytest.raises(WrongHeader, match="bare CR"):
        next(read_csv(stream, "t"))
    assert stream.tell() <= HEADER_BYTES


def test_csv_without_any_known_column_in_its_first_line_is_refused() -> None:
    with pytest.raises(MissingColumn, match="may be a record"):
        list(read_csv(io.BytesIO(b"1,2\n"), "t", ("a", "b")))


def by_migration(table: Table, part: Part) -> Counter[Any]:
    """The line and the result of each record on the bulk path."""
    header, data = part
    found: Counter[Any] = Counter()
    for block in blocks(data, header, 0, 1 << 30):
        batch = TableBatcher(table).batch(block)
        for one in batch.rejected:
            found[2 + data.count(b"\n", 0, one.offset), tuple(v.code for v in one.violations)] += 1
        lines = b"".join(batch.lines)
        rows = split_records(lines, last=True)
        for start, end in zip(rows.starts.tolist(), rows.ends.tolist(), strict=True):
            *values, position = (field.decode() for field in parse_fields(lines[start:end]) or ())
            found[2 + data.count(b"\n", 0, int(position)), tuple(value or None for value in values)] += 1
    return found


def by_ingest(table: Table, records: Iterator[Read]) -> Counter[Any]:
    """The line and the result of each record that the command reads and the API validates."""
    found: Counter[Any] = Counter()
    for record in records:
        if isinstance(record, Unreadable):
            found[record.line, (record.code,)] += 1
            continue
        result = validate(table, json.loads(record.data), Counter())
        found[record.line, tuple(v.code for v in result) if isinstance(result, list) else result] += 1
    return found


@settings(max_examples=40)
@given(st.integers(min_value=0))
def test_any_csv_has_the_same_records_lines_and_reasons_as_in_a_migration(
    kitchen: Dataset, csv_part: Callable[[Random, Table], Part], seed: int
) -> None:
    table, random = kitchen.table("everything"), Random(seed)
    header, data = csv_part(random, table)
    body = random.choice([b"", b"\xef\xbb\xbf"]) + ",".join(header).encode() + b"\n" + data
    read = read_csv(io.BytesIO(body), table.name, table.column_names)
    assert by_ingest(table, read) == by_migration(table, (header, data))


def records_in(path: Path, table: str | None = None, form: Form | None = None) -> list[Read]:
    with find_source(path, form, OLIST, table).records() as records:
        return list(records)


def test_field_of_any_length_is_read(tmp_path: Path) -> None:
    path, text = tmp_path / "olist_order_reviews_dataset.csv", "y" * 3_000_000
    path.write_text(f'review_id,review_comment_message\n1,{text}\n2,"{text}\n"\n3,\n')
    found = [
        (r.line, json.loads(r.data).get("review_comment_message"))
        for r in records_in(path)
        if isinstance(r, Sent)
    ]
    assert found == [(2, text), (3, text + "\n"), (5, None)]


def compressed(body: bytes) -> bytes:
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, "zstd") as out:
        out.write(body)
    return bytes(stream.getvalue())


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("olist_sellers_dataset.csv.gz", gzip.compress),
        ("olist_sellers_dataset.csv.zst", compressed),
        ("olist_sellers_dataset.csv", gzip.compress),
        ("olist_sellers_dataset.csv", bytes),
    ],
)
def test_csv_is_read_in_every_compression_that_migrations_read(
    tmp_path: Path, name: str, form: Callable[[bytes], bytes]
) -> None:
    body = b"seller_id,seller_city\n" + b"".join(b"%032x,rio\n" % n for n in range(5_000))
    (tmp_path / name).write_bytes(form(body))
    source = find_source(tmp_path / name, None, OLIST, None)
    assert (source.size is None) == (form is not bytes)
    records = records_in(tmp_path / name)
    assert len(records) == 5_000
    assert records[-1].line == 5_001


def test_compressed_json_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b'{"table": "t", "data": {}}\n'))
    assert [r.data for r in records_in(tmp_path / "x.jsonl.gz") if isinstance(r, Sent)] == ["{}"]


def test_parquet_is_read_as_text_and_an_invalid_row_is_stored(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 3, pa.array([b"rio", b"\xff", b""]).buffers())
    table = pa.table({"seller_id": ["a", "b", None], "seller_zip_code_prefix": [1, 2, 3], "seller_city": bad})
    pq.write_table(table, tmp_path / "olist_sellers_dataset.parquet")
    good, broken, last = records_in(tmp_path / "olist_sellers_dataset.parquet")
    assert isinstance(good, Sent)
    assert json.loads(good.data) == {"seller_id": "a", "seller_zip_code_prefix": "1", "seller_city": "rio"}
    assert isinstance(broken, Unreadable)
    assert (broken.line, broken.code) == (3, "string_unicode")
    assert json.loads(broken.kept)["data"]["seller_id"] == "b"
    assert isinstance(last, Sent)
    assert json.loads(last.data) == {"seller_zip_code_prefix": "3", "seller_city": ""}


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("olist_sellers_dataset.csv", b"seller_id;seller_city\n1;rio\n", "separated by ';'"),
        ("olist_sellers_dataset.csv", "seller_id\n".encode("utf-16"), "UTF-16"),
        ("olist_sellers_dataset.csv.gz", gzip.compress(b"seller_id\n" * 99, mtime=0)[:-9], "end-of-stream"),
        ("olist_sellers_dataset.parquet", b"nothing", "not a complete Parquet file"),
        ("olist_sellers_dataset.csv", b"PK\x03\x04 an archive", "zip archive"),
        ("x.csv.gz", b"", "--table"),
    ],
)
def test_error_names_the_unreadable_file(tmp_path: Path, name: str, body: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(WrongCall, match=words) as raised:
        records_in(tmp_path / name)
    assert name in str(raised.value)


def test_error_names_unknown_columns_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "olist_sellers_dataset.parquet"
    moments = [[datetime(2018, 1, 2, tzinfo=UTC)]]
    for column, values, words in (
        ("__index_level_0__", [1], "index=False"),
        ("seller_city", moments, "seller_city"),
    ):
        pq.write_table(pa.table({column: values}), path, use_deprecated_int96_timestamps=True)
        with pytest.raises(BadFile, match=words):
            records_in(path)
