"""A row has the same result and the same text in Parquet and in CSV."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.errors import DamagedFile, SourceChanged
from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.formats.csv_records import read_record
from dataforge.formats.parquet_source import group_ends, open_file, read_rows, unreadable
from dataforge.formats.parquet_values import text_of
from dataforge.records.validate import Cleanings, Texts, validate
from dataforge.records.violation import Violation
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Dataset, Source, Table
from functions.migrate.run.reading.parquet import locate_rows, read_parquet
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Part = tuple[tuple[str, ...], bytes]


class OneObject:
    """S3 with one object that is read by ranges."""

    def __init__(self, body: bytes) -> None:
        self.body, self.read = body, 0
        self.client = cast("S3Client", self)

    def get_object(self, **call: str) -> dict[str, Any]:
        first, last = map(int, call["Range"].removeprefix("bytes=").split("-"))
        self.read += last + 1 - first
        return {"Body": io.BytesIO(self.body[first : last + 1])}


def stored(table: pa.Table, rows: int = 1000) -> tuple[OneObject, Object]:
    """Write the table as a file with row groups of this number of rows."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=rows)
    return OneObject(buffer.getvalue()), Object("raw", "x.parquet", "1", len(buffer.getvalue()))


def results(
    table: Table, columns: pa.Table, group: int, cleanings: Cleanings | None = None
) -> tuple[dict[int, Texts], dict[int, list[Violation]]]:
    """Row number -> texts of the row or violations of the rejection."""
    s3, file = stored(columns, group)
    source = Source("x.csv", table.column_names, (table.name,))
    place = {"bucket": file.bucket, "key": file.key, "etag": file.etag, "size": file.size, "start": 0}
    whole = {"migration_id": "m", "chunk": 0, "end": columns.num_rows, "line": 2, "progress": ""}
    names = {
        "dataset": table.dataset,
        "source": "x.csv",
        "header": table.column_names,
        "tables": (table.name,),
    }
    item = LoadItem.model_validate({**place, **whole, **names, "file_number": 0})
    rows, rejected, read = dict[int, Texts](), dict[int, list[Violation]](), 0
    for part in read_parquet(s3.client, item, source, {table.name: table}):
        (Counter() if cleanings is None else cleanings).update(part.batch.cleanings)
        data = b"".join(part.batch.lines)
        found = split_records(data, last=True)
        for start, end in zip(found.starts.tolist(), found.ends.tolist(), strict=True):
            *values, position = (field.decode() for field in parse_fields(data[start:end]) or ())
            rows[int(position)] = tuple(value or None for value in values)
        for one in part.rejected:
            assert one.line == one.offset + 2
            rejected[one.offset] = one.violations
        assert part.batch.read == part.batch.rows + part.batch.deduplicated + len(part.rejected)
        read += part.batch.read
    assert read == columns.num_rows
    return rows, rejected


@settings(max_examples=60)
@given(st.integers(min_value=0), st.sampled_from(["everything", "words"]), st.integers(1, 50))
def test_rows_of_any_csv_have_the_same_result_in_parquet(
    kitchen: Dataset, csv_part: Callable[[Random, Table], Part], seed: int, name: str, group: int
) -> None:
    table = kitchen.table(name)
    header, data = csv_part(Random(seed), table)
    found = split_records(data, last=True)
    records = []
    for index, (start, end) in enumerate(zip(found.starts.tolist(), found.ends.tolist(), strict=True)):
        record = read_record(header, data[start:end], index in found.malformed)
        if isinstance(record, dict):
            records.append(record)
    columns = {n: pa.array([r.get(n) for r in records], pa.string()) for n in table.column_names}
    rows, rejected = results(table, pa.table(columns), group)
    for number, record in enumerate(records):
        result = validate(table, record, Counter())
        if isinstance(result, list):
            assert rejected[number] == result
        else:
            # In a table whose key is the whole row, repeated rows are omitted.
            assert rows.get(number) == result or (table.keyed_by_row and result in rows.values())


@pytest.fixture
def everything(kitchen: Dataset) -> Table:
    return kitchen.table("everything")


def typed(**more: Any) -> pa.Table:
    """Two rows of the kitchen table in the types that other tools write."""
    columns = {
        "note": pa.array(["", None]),
        "item": pa.array(["a", "b"]).dictionary_encode(),
        "number": pa.array([1.0, -2147483648.0]),
        "wide": pa.array([9223372036854775807, None], pa.int64()),
        "count": pa.array([7.0, None]),
        "ordinal": pa.array([1, None], pa.uint8()),
        "price": pa.array([Decimal("12.30"), Decimal(0)], pa.decimal128(12, 2)),
        "size": pa.array([-0.0, 123456789012345.0], pa.float64()),
        "moment": pa.array([1_514_862_245_600_000, -62_135_596_800_000_000], pa.timestamp("us")),
        "flag": pa.array([True, None]),
        "Gültige_Erststimmen_ohne_Überhang_und_Ausgleich__eines_Landes": pa.nulls(2),
        "code": pa.array(["ab", "1"], pa.large_string()),
        "kind": pa.array([" boleto ", None], pa.string_view()),
        "Select": pa.array(["SP", None]),
    }
    return pa.table(columns | more)


def test_values_in_the_types_of_other_tools_are_read(everything: Table) -> None:
    cleanings: Cleanings = Counter()
    rows, rejected = results(everything, typed(), 1, cleanings)
    assert rejected == {}
    assert {key: n for key, n in cleanings.items() if key[1] == "decimals_removed"} == {
        ("number", "decimals_removed"): 2,
        ("count", "decimals_removed"): 1,
    }
    assert rows[0] == (
        *(None, "a", "1", "9223372036854775807", "7", "1", "12.30", "0", "2018-01-02 03:04:05.6", "t"),
        *(None, "AB", "boleto", "SP"),
    )
    assert (rows[1][2], rows[1][7], rows[1][8]) == ("-2147483648", "123456789012345", "0001-01-01 00:00:00")


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("price", pa.array([Decimal("1.005")], pa.decimal128(9, 3)), "decimal_max_places"),
        ("price", pa.array([12.345]), "decimal_max_places"),
        ("number", pa.array([1.5]), "int_parsing"),
        ("size", pa.array([float("nan")]), "float_parsing"),
        ("moment", pa.array([datetime(2018, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")), "timezone_naive"),
        ("moment", pa.array([1], pa.timestamp("ns")), "datetime_parsing"),
        ("code", pa.array(["a\0"]), "string_pattern_mismatch"),
        ("code", pa.nulls(1), "missing"),
        ("note", pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()), "string_unicode"),
    ],
)
def test_invalid_value_is_rejected_and_recorded_as_json(
    everything: Table, column: str, value: pa.Array, code: str
) -> None:
    table = typed().slice(1)
    table = table.set_column(table.schema.get_field_index(column), column, value)
    rows, rejected = results(everything, table, 1)
    assert rows == {}
    assert [v.code for v in rejected[0]] == [code]
    s3, file = stored(table)
    [place] = locate_rows(s3.client, "m", file, 0, 1, [0])
    kept = json.loads(place.raw)
    assert kept.keys() == set(everything.column_names)
    assert kept["item"] == "b"
    assert kept[column] == {"code": None if code == "missing" else "a\\x00", "note": "\\xff"}.get(
        column, text_of(value)[0].as_py()
    )


def test_dates_are_read_as_timestamps_and_columns_without_values_are_reported() -> None:
    days = (pa.array([date(2018, 1, 2)], pa.date32()), pa.array([date(2018, 1, 2)], pa.date64()))
    assert [text_of(day).to_pylist() for day in days] == [["2018-01-02"]] * 2
    moments = pa.list_(pa.timestamp("s"))
    schema = pa.schema([("a", pa.int8()), ("b", moments), ("c", pa.binary())])
    assert unreadable(schema) == ["b (list<item: timestamp[s]>)"]


def test_only_the_requested_row_groups_are_read() -> None:
    random = Random(1)
    s3, file = stored(pa.table({"a": [random.randbytes(100).hex() for _ in range(8000)]}), 2000)
    assert [end for end, _ in group_ends(open_file(s3.client, file))] == [2000, 4000, 6000, 8000]
    s3.read = 0
    rows = list(read_rows(s3.client, file, 2000, 4000))
    assert [(r.first, len(r)) for r in rows] == [(2000, 2000)]
    assert s3.read < file.size / 2


def test_error_for_a_damaged_or_changed_file_names_it() -> None:
    s3, file = stored(pa.table({"a": ["x" * 1000] * 1000}))
    s3.body = s3.body[:4] + b"\xff" * 16 + s3.body[20:]
    with pytest.raises(DamagedFile, match=r"x\.parquet is not a complete Parquet file"):
        list(read_rows(s3.client, file, 0, 1000))

    def changed(**_: str) -> None:
        raise SourceChanged(file.key)

    s3.get_object = changed  # type: ignore[assignment, method-assign]
    with pytest.raises(SourceChanged):
        open_file(s3.client, file)
