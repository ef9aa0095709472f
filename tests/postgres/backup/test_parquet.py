"""Rows are written from PostgreSQL to Parquet and read back unchanged."""

from __future__ import annotations

import io
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from dataforge.bulk import parquet
from dataforge.bulk.binary_copy import copy_batches
from dataforge.bulk.row_hashes import digests, hash_total
from dataforge.bulk.row_texts import row_bodies
from dataforge.postgres import ddl
from dataforge.records.validate import copy_line, validate
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.types.registry import column_type

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
ODD = st.sampled_from(
    ["", " ", '"', '""', "\\", "\\.", "a\nb", "\r\n", "0007", "NULL", "(", "a,b", "\v", "é😀", "\ufeff"]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ROUND_NUMBERS = st.sampled_from([0.0, -0.0, 5e-324, 1e15, 1e16, 1e-5, 0.1, 5.0, -23.54])
MOMENTS = st.datetimes() | st.datetimes().map(lambda moment: moment.replace(microsecond=0))

EVERYTHING = st.fixed_dictionaries(
    {
        "item": TEXTS | ODD,
        "number": st.integers(-(2**31), 2**31 - 1),
        "price": st.decimals(0, 99999999, places=2).map(str),
        "moment": MOMENTS.map(lambda moment: moment.isoformat(sep=" ")),
        "code": st.sampled_from(["A1", "ZZ", "0"]),
    },
    optional={
        "note": TEXTS | ODD,
        "wide": st.integers(-(2**63), 2**63 - 1),
        "size": (NUMBERS | ROUND_NUMBERS).map(repr),
        "flag": st.booleans(),
        "kind": st.sampled_from(["boleto", "delivered"]),
    },
)


@pytest.fixture(scope="module")
def cursor(module_database: Database, kitchen: Dataset) -> Cursor:
    """A cursor of a connection that created the kitchen's tables twice, the second time to restore into."""
    cursor = module_database.superuser().cursor()
    cursor.execute("SET timezone = 'UTC'")
    for schema in ("kitchen", "again"):
        cursor.execute(f"CREATE SCHEMA {schema}")
        for table in kitchen.tables.values():
            cursor.execute(ddl.create_table(table, schema))
    return cursor


def store(cursor: Cursor, table: Table, records: list[dict[str, Any]]) -> int:
    """Replace the table's rows by the records that the row model accepts; return their number."""
    judged = [validate(table, record, Counter()) for record in records]
    rows = [row for row in judged if not isinstance(row, list)]
    assert all(isinstance(v, Violation) for row in judged if isinstance(row, list) for v in row)
    cursor.execute(f"DELETE FROM {ddl.qualified(table)}")
    lines = "".join(f"{copy_line(row)}\n" for row in rows)
    cursor.copy_expert(f"COPY {ddl.qualified(table)} FROM STDIN (FORMAT csv)", io.StringIO(lines))
    return len(rows)


def texts_and_hash(cursor: Cursor, table: Table, schema: str) -> tuple[list[str], int]:
    """The table's row texts, sorted, and their hash, both as PostgreSQL computes them."""
    text, row_hash = ddl.row_text_sql(table), ddl.row_hash_sql(table)
    cursor.execute(f"SELECT {text}, {row_hash} FROM {ddl.qualified(table, schema)}")
    rows = cursor.fetchall()
    return sorted(text for text, _ in rows), sum(number for _, number in rows) % 2**64


@settings(max_examples=40)
@given(st.lists(EVERYTHING, max_size=12))
def test_rows_survive_the_round_trip_and_python_computes_the_hash_of_postgresql(
    cursor: Cursor, kitchen: Dataset, records: list[dict[str, Any]]
) -> None:
    table, file = kitchen.table("everything"), io.BytesIO()
    count = store(cursor, table, records)
    written = parquet.write(cursor, table, parquet.copy_sql(table), file)
    expected = texts_and_hash(cursor, table, "kitchen")
    assert (written.rows, written.hash_total) == (count, expected[1])

    types = {column.name: column_type(column.type.sql) for column in table.columns}
    bodies = [row_bodies(types, batch) for batch in parquet.read_batches(file, rows=5)]
    assert sorted(f"({body})" for part in bodies for body in part.to_pylist()) == expected[0]
    assert sum(hash_total(digests(body)) for body in bodies) % 2**64 == expected[1]
    cursor.execute(f"DELETE FROM {ddl.qualified(table, 'again')}")
    assert copy_batches(cursor, table, "again", parquet.read_batches(file, rows=5)) == count
    assert texts_and_hash(cursor, table, "again") == expected


def test_byte_order_mark_at_the_start_of_a_value_survives_any_cut_of_the_text(
    cursor: Cursor, kitchen: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "CHUNK_BYTES", 100)
    table, file = kitchen.table("words"), io.BytesIO()
    words = [f"\ufeff{n:04}" for n in range(100)]
    store(cursor, table, [{"word": word} for word in words])
    written = parquet.write(cursor, table, parquet.copy_sql(table), file)
    assert sorted(pq.read_table(file)["word"].to_pylist()) == words
    assert written.hash_total == texts_and_hash(cursor, table, "kitchen")[1]


def test_file_has_exact_types_values_and_nullability(cursor: Cursor, kitchen: Dataset) -> None:
    table, file = kitchen.table("everything"), io.BytesIO()
    record = {
        "item": "0007",
        "number": 1,
        "price": "12.30",
        "moment": "2018-02-28 10:00:00.000001",
        "code": "A1",
    }
    store(cursor, table, [record | {"note": "", "size": "0.1"}, record | {"number": 2}])
    parquet.write(cursor, table, parquet.copy_sql(table), file)
    read = pq.read_table(file)
    assert read.schema.equals(parquet.arrow_schema(table))
    assert str(read.schema.field("price").type) == "decimal128(10, 2)"
    assert not read.schema.field("price").nullable
    empty, missing = read.to_pylist()
    assert (empty["note"], missing["note"]) == ("", None)
    assert (empty["item"], empty["price"], empty["size"]) == ("0007", Decimal("12.30"), 0.1)
    assert empty["moment"] == datetime(2018, 2, 28, 10, 0, 0, 1)  # noqa: DTZ001  the column has no zone
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_empty_table_is_a_readable_file(cursor: Cursor, kitchen: Dataset) -> None:
    table, file = kitchen.table("words"), io.BytesIO()
    store(cursor, table, [])
    assert parquet.write(cursor, table, parquet.copy_sql(table), file) == parquet.Written(0, 0)
    assert list(parquet.read_batches(file)) == []
    assert pq.read_schema(file).names == ["word"]


def test_same_rows_are_the_same_bytes_in_row_groups_of_bounded_size(
    cursor: Cursor, kitchen: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 20_000)
    monkeypatch.setattr(parquet, "CHUNK_BYTES", 3_000)
    table = kitchen.table("Points §")
    store(cursor, table, [{"place": f'"{n}\n,' * 3, "size": str(n / 7)} for n in range(3000)])
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        assert parquet.write(cursor, table, parquet.copy_sql(table), file).rows == 3000
    assert files[0].getvalue() == files[1].getvalue()
    groups = pq.ParquetFile(files[0]).metadata
    assert groups.num_row_groups > 3
    assert all(groups.row_group(n).total_byte_size < 30_000 for n in range(groups.num_row_groups))
    batches = list(parquet.read_batches(files[0]))
    assert sum(batch.num_rows for batch in batches) == 3000
    assert all(batch.nbytes < 60_000 for batch in batches)


@given(st.lists(st.lists(TEXTS | ODD, min_size=1, max_size=3), min_size=1, max_size=5), st.integers(0, 40))
def test_text_is_cut_after_a_whole_row(rows: list[list[str]], cut: int) -> None:
    lines = [(copy_line(row) + "\n").encode() for row in rows]
    text = b"".join(lines)[: cut or None]
    ends = [len(b"".join(lines[:n])) for n in range(len(lines) + 1)]
    assert parquet.end_of_rows(text) == max(end for end in ends if end <= len(text))
