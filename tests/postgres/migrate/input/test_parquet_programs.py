"""A folder of Parquet files as pandas, Spark, DuckDB and polars write them is drafted, and loads without loss."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge.tables.datasets import DATASETS
from tests.postgres.migrate.outcome.offline import checked, migrated
from tests.unit.discovery.folders import drafted, loaded

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

NOON = dt.datetime(2024, 1, 31, 12, 30, tzinfo=dt.UTC)
ROWS = 3


def by_pandas() -> bytes:
    """Integers with NULL as doubles, categories, nullable integers, nanoseconds, an index."""
    frame = pd.DataFrame(
        {
            "id": range(ROWS),
            "parent": [None, 0, 1],
            "color": pd.Categorical(["red", None, "blue"]),
            "count": pd.array([2**53 + 1, None, 3], dtype="Int64"),
            "moment": pd.to_datetime([NOON, None, NOON]).tz_localize(None).astype("datetime64[ns]"),
            "length": pd.to_timedelta([90_000, None, 1.5], unit="s"),
            "ok": pd.array([True, None, False], dtype="boolean"),
            "vector": [[0.5, 1.0], None, []],
            "clock": [dt.time(7, 30), None, dt.time(8)],
        },
        index=pd.Index(["a", "b", "c"], name="code"),
    )
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


def written(columns: dict[str, pa.Array], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def by_spark() -> bytes:
    """INT96, decimals as bytes, structs, maps, arrays; no types of Arrow in the footer."""
    moments = pa.array([NOON.replace(tzinfo=None), None, dt.datetime(9999, 12, 31)])  # noqa: DTZ001
    columns = {
        "id": pa.array([1, 2, 3], pa.int32()),
        "seen": moments,
        "price": pa.array([Decimal("1.25"), None, Decimal("-3.00")], pa.decimal128(20, 2)),
        "address": pa.array([{"city": "x", "zip": "01"}, None, {"city": None, "zip": "02"}]),
        "labels": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "tags": pa.array([["a", None], None, []]),
        "payload": pa.array([b"\xff", b"", None]),
        "day": pa.array([NOON.date(), None, dt.date(1, 1, 1)]),
    }
    return written(columns, use_deprecated_int96_timestamps=True, store_schema=False, row_group_size=2)


def by_polars() -> bytes:
    """Large and view strings, dictionaries, unsigned integers, lists, structs, times and lengths of time."""
    columns = {
        "name": pa.array(["a", "b", None], pa.large_string()),
        "view": pa.array(["a", "b", None], pa.string_view()),
        "kind": pa.array(["x", None, "x"], pa.large_string()).dictionary_encode(),
        "small": pa.array([255, 0, None], pa.uint8()),
        "huge": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "clock": pa.array([10**9, None, 0], pa.time64("ns")),
        "length": pa.array([10**6, None, -1], pa.duration("us")),
        "points": pa.array([[{"x": 1.5}], None, []], pa.large_list(pa.struct([("x", pa.float64())]))),
        "raw": pa.array([b"a", None, b""], pa.large_binary()),
        "zoned": pa.array([NOON, None, NOON], pa.timestamp("us", "Europe/Berlin")),
        "nothing": pa.nulls(3),
    }
    return written(columns)


def by_duckdb(folder: Path) -> bytes:
    """INTERVAL, UUID, JSON, HUGEINT, lists, structs, maps, enumerations, times with an offset."""
    file = folder / "duckdb.parquet"
    duckdb.sql(
        f"""COPY (SELECT i::bigint AS id, uuid() AS token, '{{"a": 1}}'::json AS doc, 5::hugeint AS huge,
        INTERVAL 1 MONTH + INTERVAL 90 MINUTE AS span, TIME '07:30:00.5' AS clock, 'x'::blob AS raw,
        [1, NULL, i] AS list, {{'a': i, 'b': [DATE '2024-01-31']}} AS object, map {{'k': i}} AS pairs,
        TIMESTAMPTZ '2024-01-31 12:00:00+00' AS zoned, 'a'::ENUM ('a', 'b') AS kind, 1.5::decimal(38, 3) AS price
        FROM range({ROWS}) AS t(i)) TO '{file}' (FORMAT parquet)"""
    )
    return file.read_bytes()


TYPES = {
    "pandas": {
        "parent": "integer?",
        "count": "bigint?",
        "length": "interval?",
        "vector": "array?",
        "clock": "time?",
    },
    "spark": {
        "seen": "timestamp?",
        "address": "jsonb?",
        "labels": "jsonb?",
        "tags": "array?",
        "payload": "bytea?",
    },
    "polars": {
        "huge": "numeric?",
        "clock": "time?",
        "length": "interval?",
        "points": "jsonb?",
        "raw": "bytea?",
    },
    "duckdb": {"token": "uuid", "doc": "jsonb", "span": "interval", "list": "array", "object": "jsonb"},
}


@pytest.mark.slow
def test_files_of_four_programs_are_drafted_and_every_record_loads(
    declare: Callable[..., Forge], tmp_path: Path
) -> None:
    files = {
        "pandas.parquet": by_pandas(),
        "spark.parquet": by_spark(),
        "polars.parquet": by_polars(),
        "duckdb.parquet": by_duckdb(tmp_path),
    }
    folder = tmp_path / "files"
    folder.mkdir()
    found = drafted(folder, dict(files))
    for table, wanted in TYPES.items():
        kinds = found.kinds(table)
        assert {name: kinds[name] for name in wanted} == wanted
        assert found.tables[table].ignored == ()
        assert (found.results[table].read, found.results[table].loaded) == (ROWS, ROWS)
    forge = declare("shop", **vars(loaded(found.draft)))
    for path, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"shop/{path}", Body=body)
    run = forge.migration({"dataset": "shop", "prefix": "shop/", "quality_threshold": "1"})
    run.run()
    assert checked(DATASETS["shop"], files) == migrated(
        forge, run, forge.read_json(f"runs/{run.id}/report.json")
    )
    query = forge.database.query
    assert query(
        "SELECT id, parent, count, length::text, vector, clock::text FROM shop.pandas ORDER BY id"
    ) == [
        (0, None, 2**53 + 1, "25:00:00", [0.5, 1.0], "07:30:00"),
        (1, 0, None, None, None, None),
        (2, 1, 3, "00:00:01.5", [], "08:00:00"),
    ]
    assert query("SELECT seen::text, address, labels, tags, payload::text FROM shop.spark ORDER BY id") == [
        ("2024-01-31 12:30:00", {"zip": "01", "city": "x"}, {"k": 1}, ["a", None], r"\xff"),
        (None, None, None, None, r"\x"),
        ("9999-12-31 00:00:00", {"zip": "02", "city": None}, {}, [], None),
    ]
    assert query("SELECT span::text, clock::text, list, object FROM shop.duckdb ORDER BY id")[2] == (
        "1 mon 01:30:00",
        "07:30:00.5",
        [1, None, 2],
        {"a": 2, "b": ["2024-01-31"]},
    )
