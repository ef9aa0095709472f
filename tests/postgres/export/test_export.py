"""Exports: the table at one instant with the rows of the API, or a reference to an equal backup."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from dataforge.backups import manifest
from dataforge.bulk.blocks import TableBatcher
from dataforge.formats.csv_blocks import blocks
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql
from dataforge.records.row_json import copy_rows, undouble
from dataforge.runs import exports
from dataforge.runs.exports import Export
from dataforge.tables.catalogue import Column, Dataset, Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

MakeExport = Callable[..., Export]
CsvPart = Callable[[Random, Table], tuple[tuple[str, ...], bytes]]
FILL = """
    CREATE TEMP TABLE read (LIKE {table});
    ALTER TABLE read ADD position bigint
"""


@pytest.fixture(scope="module", autouse=True)
def filled(with_kitchen: Database, kitchen: Dataset, csv_part: CsvPart) -> None:
    """Rows of every type, including special values."""
    random, db = Random(20261125), with_kitchen.superuser()
    with db.cursor() as cursor:
        for table in kitchen.tables.values():
            name = ddl.qualified(table)
            cursor.execute(FILL.format(table=name))
            for _ in range(60):
                header, data = csv_part(random, table)
                for block in blocks(data, header, 0, 1 << 30):
                    lines = b"".join(TableBatcher(table).batch(block).lines)
                    cursor.copy_expert("COPY read FROM STDIN (FORMAT csv)", io.BytesIO(lines))
            cursor.execute(
                f"INSERT INTO {name} SELECT {ddl.columns_sql(table)} FROM read ON CONFLICT DO NOTHING"
            )
            cursor.execute("DROP TABLE read")
    db.close()


def body(s3: S3Client, made: Export) -> bytes:
    (file,) = made.files
    data: bytes = s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
    assert (len(data), hashlib.sha256(data).hexdigest(), file.rows) == (file.size, file.sha256, made.rows)
    return data


def delivered(database: Database, table: Table) -> list[bytes]:
    """The rows in the API's pages."""
    out = io.BytesIO()
    with database.connect("dataforge_export").cursor() as cursor:
        cursor.copy_expert(
            copy_rows(Sql("SELECT * FROM {}").format(ddl.qualified(table)), table.column_names), out
        )
    return undouble(out.getvalue()).splitlines()


def as_json(column: Column, value: Any) -> str:
    """A value of a Parquet file converted to the API's format by Python only."""
    if value is None:
        return "null"
    match column.type.name:
        case "text":
            return json.dumps(value, ensure_ascii=False)
        case "timestamp":
            return json.dumps(column.type.text(value).replace(" ", "T"))
        case "boolean":
            return "true" if value else "false"
    return column.type.text(value)


@pytest.mark.parametrize("name", ["everything", "Points §", "words"])
def test_pages_lines_and_parquet_have_identical_rows(
    make_export: MakeExport, with_kitchen: Database, kitchen: Dataset, s3: S3Client, name: str
) -> None:
    table = kitchen.table(name)
    pages = sorted(delivered(with_kitchen, table))
    assert len(pages) > 40
    lines = body(s3, make_export(name, "ndjson"))
    assert lines.endswith(b"\n")
    assert sorted(lines[:-1].split(b"\n")) == pages
    read = pq.read_table(io.BytesIO(body(s3, make_export(name))))
    assert read.column_names == list(table.column_names)
    written = [
        ",".join(f"{json.dumps(c.name)}:{as_json(c, row[c.name])}" for c in table.columns)
        for row in read.to_pylist()
    ]
    python = sorted(
        json.dumps(json.loads("{" + row + "}", parse_float=str), sort_keys=True) for row in written
    )
    postgres = sorted(json.dumps(json.loads(row, parse_float=str), sort_keys=True) for row in pages)
    assert python == postgres


def test_output_has_rows_hash_and_columns(
    make_export: MakeExport, with_kitchen: Database, kitchen: Dataset, s3: S3Client
) -> None:
    made = make_export("everything")
    table = kitchen.table("everything")
    count, total = with_kitchen.query(
        f"SELECT count(*), sum({ddl.row_hash_sql(table)}) FROM {ddl.qualified(table)}"
    )[0]
    assert (made.rows, int(made.content_hash, 16)) == (count, int(total) % 2**64)
    assert made.columns == manifest.column_entries(table)
    assert exports.read(s3, "report", made.export_id) == made
    assert exports.read(s3, "report", "20261125T200000Z-ffffffff") is None


def test_export_of_an_empty_table_succeeds(
    make_export: MakeExport, with_kitchen: Database, s3: S3Client
) -> None:
    with_kitchen.query("CREATE TABLE saved AS SELECT * FROM kitchen.words; DELETE FROM kitchen.words")
    assert body(s3, make_export("words", "ndjson")) == b""
    assert pq.read_table(io.BytesIO(body(s3, make_export("words")))).num_rows == 0
    with_kitchen.query("INSERT INTO kitchen.words SELECT * FROM saved; DROP TABLE saved")
