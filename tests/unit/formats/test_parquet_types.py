"""Every Parquet type at its extremes is read exactly, rejected with a reason or refused, but never changed."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import UnsupportedColumnType
from dataforge.formats.parquet_source import Rows, check_schema, rows_of, unreadable
from dataforge.formats.parquet_times import intervals
from dataforge.formats.parquet_values import is_readable, text_of
from dataforge.tables.types.interval import INTERVAL, Interval

BEYOND = "datetime_parsing"
"""Stands for a value that has no text: its row is rejected with this code."""
UNICODE = "string_unicode"


def rows_in(table: pa.Table, **options: Any) -> list[Rows]:
    """Write the table and read it."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return list(rows_of("x.parquet", lambda: io.BytesIO(buffer.getvalue())))


def read(column: pa.Array, **options: Any) -> list[str | None]:
    """Write and read a column: the text of each value, or the code of its rejection."""
    found: list[str | None] = []
    for rows in rows_in(pa.table({"x": column}), **options):
        texts = rows.texts["x"].to_pylist()
        for index, violations in rows.broken.items():
            texts[index] = violations[0].code
        found += texts
    return found


def stamps(unit: str, *values: int | None, zone: str | None = None) -> pa.Array:
    return pa.array(values, pa.int64()).cast(pa.timestamp(unit, zone))


def floats(kind: Any, *values: float) -> pa.Array:
    return pa.array(np.array(values, kind))


LONGEST = "9" * 38
FIRST, LAST = -62_135_596_800, 253_402_300_799
"""The seconds of 0001-01-01 00:00:00 and 9999-12-31 23:59:59."""
UUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
BAD = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"a"]).buffers())

CASES: list[tuple[pa.Array, list[str | None]]] = [
    # Timestamps: Parquet has milliseconds, microseconds, nanoseconds; seconds are written as milliseconds.
    (
        stamps("s", FIRST, LAST, None),
        ["0001-01-01 00:00:00", "9999-12-31 23:59:59", None],
    ),
    (stamps("ms", FIRST * 1000 + 1, -1), ["0001-01-01 00:00:00.001", "1969-12-31 23:59:59.999"]),
    (
        stamps("us", LAST * 10**6 + 999_999, FIRST * 10**6 - 1, -(2**63) + 1, 2**63 - 1),
        ["9999-12-31 23:59:59.999999", "0000-12-31 23:59:59.999999", BEYOND, BEYOND],
    ),
    (
        stamps("ns", 2**63 - 1, -(2**63) + 1, 1_000, 1),
        [
            "2262-04-11 23:47:16.854775807",
            "1677-09-21 00:12:43.145224193",
            "1970-01-01 00:00:00.000001",
            "1970-01-01 00:00:00.000000001",
        ],
    ),
    (stamps("us", 0, zone="UTC"), ["1970-01-01 00:00:00Z"]),
    (stamps("ns", 0, zone="America/Sao_Paulo"), ["1970-01-01 00:00:00Z"]),
    # Dates.
    (pa.array([date.min, date.max, None]), ["0001-01-01", "9999-12-31", None]),
    (
        pa.array([2_932_897, -719_529, 2**31 - 1], pa.int32()).cast(pa.date32()),
        ["10000-01-01", "-0001-12-31", BEYOND],
    ),
    (pa.array([date(2018, 1, 2)], pa.date64()), ["2018-01-02"]),
    # Integers.
    (pa.array([2**64 - 1, 0], pa.uint64()), ["18446744073709551615", "0"]),
    (pa.array([2**32 - 1], pa.uint32()), ["4294967295"]),
    (pa.array([65535], pa.uint16()), ["65535"]),
    (pa.array([255], pa.uint8()), ["255"]),
    (pa.array([-(2**63), 2**63 - 1]), ["-9223372036854775808", "9223372036854775807"]),
    (pa.array([-128], pa.int8()), ["-128"]),
    # Floating point: the shortest text of the value's own width.
    (floats(np.float64, 0.1, 5e-324, 2**53 - 1, -0.0), ["0.1", "5e-324", "9007199254740991.0", "0.0"]),
    (floats(np.float64, np.nan, np.inf, -np.inf, 1e22), ["nan", "inf", "-inf", "1e+22"]),
    (floats(np.float32, 0.1, 16_777_216, 123_456_792, 1e-45), ["0.1", "16777216.0", "123456792.0", "1e-45"]),
    (floats(np.float16, 0.5, 65504, np.nan), ["0.5", "65504.0", "nan"]),
    # Decimals: int32, int64, fixed and 256 bits wide.
    (pa.array([Decimal("1.05"), Decimal("-0.01"), None], pa.decimal128(5, 2)), ["1.05", "-0.01", None]),
    (pa.array([Decimal(LONGEST), Decimal(f"-{LONGEST}")], pa.decimal128(38, 0)), [LONGEST, f"-{LONGEST}"]),
    (pa.array([Decimal("1E-10"), Decimal(0)], pa.decimal128(38, 10)), ["0.0000000001", "0.0000000000"]),
    (pa.array([Decimal("1E-38")], pa.decimal256(76, 38)), ["0." + "0" * 37 + "1"]),
    (pa.array([Decimal("7.00")], pa.decimal32(5, 2)), ["7.00"]),
    (pa.array([Decimal("7.00")], pa.decimal64(10, 2)), ["7.00"]),
    # Texts, also those that look like values of another type.
    (pa.array(["", None, "a\0", "\ufeff"]), ["", None, "a\0", "\ufeff"]),
    (pa.array(["ã"], pa.large_string()), ["ã"]),
    (pa.array(["ã"], pa.string_view()), ["ã"]),
    (pa.array(['{"a": 1}'], pa.json_(pa.string())), ['{"a": 1}']),
    (pa.array([UUID.bytes, None], pa.uuid()), [str(UUID), None]),
    (BAD, [UNICODE, "a"]),
    (pa.array(["b", None, "b"]).dictionary_encode(), ["b", None, "b"]),
    (pa.array([True, False, None]), ["true", "false", None]),
    # Times, lengths of time, bytes.
    (pa.array([time(7, 30), time.max, None]), ["07:30:00", "23:59:59.999999", None]),
    (pa.array([1, 10**9], pa.int64()).cast(pa.time64("ns")), ["00:00:00.000000001", "00:00:01"]),
    (pa.array([1000], pa.int32()).cast(pa.time32("ms")), ["00:00:01"]),
    (pa.array([b"\x00\xff", b"", None]), [r"\x00ff", r"\x", None]),
    (pa.array([b"ab"], pa.binary(2)), [r"\x6162"]),
    (pa.array([b"a"], pa.large_binary()), [r"\x61"]),
    (pa.array([b"a", None, b"a"]).dictionary_encode(), [r"\x61", None, r"\x61"]),
    (pa.nulls(2), [None, None]),
]


@pytest.mark.parametrize(("column", "wanted"), CASES, ids=lambda case: str(getattr(case, "type", "")) or None)
def test_type_at_its_extremes_is_read_exactly(column: pa.Array, wanted: list[str | None]) -> None:
    assert read(column) == wanted
    assert read(column, use_dictionary=False, store_schema=False, row_group_size=1) == wanted


def test_decimals_stored_as_integers_and_as_bytes_are_read_the_same() -> None:
    for digits in (9, 18, 38):
        column = pa.array([Decimal("-1.05"), Decimal(0)], pa.decimal128(digits, 2))
        for as_integer in (False, True):
            assert read(column, store_decimal_as_integer=as_integer) == ["-1.05", "0.00"]


EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # as MOMENTS
MOMENTS = st.datetimes(datetime.min, datetime.max)  # noqa: DTZ901  # INT96 has no zone


@given(st.lists(st.tuples(MOMENTS | st.none(), st.integers(0, 999)), min_size=1, max_size=9))
def test_int96_is_read_exactly_in_every_year_with_nanoseconds(given: list[Any]) -> None:
    micros = [
        None if moment is None else (moment - EPOCH) // timedelta(microseconds=1) for moment, _ in given
    ]
    wanted = [
        None if moment is None else moment.isoformat(" ").rstrip("0" if moment.microsecond else "")
        for moment, _ in given
    ]
    assert read(stamps("us", *micros), use_deprecated_int96_timestamps=True, row_group_size=2) == wanted
    # Arrow has nanoseconds between 1677 and 2262 only.
    small = [
        m * 1000 + n for m, (_, n) in zip(micros, given, strict=True) if m is not None and abs(m) < 9 * 10**15
    ]
    plain = read(stamps("ns", *small))
    assert read(stamps("ns", *small), use_deprecated_int96_timestamps=True) == plain


def int96(*values: tuple[int, int]) -> bytes:
    """A file of INT96 values, each a Julian day and nanoseconds, not validated."""
    buffer = io.BytesIO()
    mark = [stamps("us", n * 86_400_000_000 + 7) for n in range(len(values))]
    table = pa.table({"x": pa.concat_arrays(mark)})
    pq.write_table(
        table, buffer, use_deprecated_int96_timestamps=True, compression="none", use_dictionary=False
    )
    data = buffer.getvalue()
    for n, (day, nanoseconds) in enumerate(values):
        written = (7000).to_bytes(8, "little") + (2_440_588 + n).to_bytes(4, "little")
        assert data.count(written) >= 1
        data = data.replace(
            written, nanoseconds.to_bytes(8, "little", signed=True) + day.to_bytes(4, "little")
        )
    return data


def test_int96_outside_the_years_of_timestamps_is_rejected() -> None:
    data = int96((2_440_588, 1), (2**31 - 1, 0), (2_440_588, -1), (2_440_588, 86_399_999_999_999))
    [rows] = rows_of("x.parquet", lambda: io.BytesIO(data))
    assert rows.texts["x"].to_pylist()[::3] == [
        "1970-01-01 00:00:00.000000001",
        "1970-01-01 23:59:59.999999999",
    ]
    assert {row: [(v.code, v.column) for v in found] for row, found in rows.broken.items()} == {
        1: [(BEYOND, "x")],
    }
    assert "range" in rows.raw(1)
    # Arrow takes nanoseconds below 0 for 2**64 more; these digits are what a timestamp of microseconds is not.
    assert rows.texts["x"][2].as_py().endswith(".709551615")


@pytest.mark.parametrize("int96", [False, True])
@pytest.mark.parametrize(
    ("footer", "dates", "old_timestamps"),
    [
        ({}, False, False),
        ({"org.apache.spark.version": "3.5.1"}, False, False),
        ({"org.apache.spark.version": "3.0.2"}, False, True),
        ({"org.apache.spark.version": "2.4.6"}, True, True),
        ({"org.apache.spark.version": "3.5.1", "org.apache.spark.legacyDateTime": ""}, True, False),
        ({"org.apache.spark.version": "3.5.1", "org.apache.spark.legacyINT96": ""}, False, True),
        ({"writer.date.proleptic": "false"}, True, True),
        ({"writer.date.proleptic": "true"}, False, False),
    ],
)
def test_days_in_the_julian_calendar_are_rejected(
    footer: dict[str, str], dates: bool, old_timestamps: bool, int96: bool
) -> None:
    first, before = datetime(1582, 10, 15), datetime(1582, 10, 14, 23, 59, 59)  # noqa: DTZ001
    table = pa.table({"day": [first.date(), before.date(), None], "moment": [first, before, None]})
    [rows] = rows_in(table.replace_schema_metadata(footer), use_deprecated_int96_timestamps=int96)
    wanted = ["day"] * dates + ["moment"] * (old_timestamps if int96 else dates)
    assert {row: [v.column for v in found] for row, found in rows.broken.items()} == (
        {1: wanted} if wanted else {}
    )


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.timestamp("s")),
        pa.struct([("a", pa.list_(pa.timestamp("s")))]),
        pa.run_end_encoded(pa.int32(), pa.string()),
        pa.list_view(pa.int8()),
    ],
    ids=str,
)
def test_column_of_another_type_is_refused_with_its_type(kind: pa.DataType) -> None:
    assert not is_readable(kind)
    assert unreadable(pa.schema([("a", pa.int8()), ("b", kind)])) == [f"b ({kind})"]


def test_nested_int96_is_refused_because_arrow_cuts_it() -> None:
    buffer = io.BytesIO()
    table = pa.table({"x": pa.array([[1]]).cast(pa.list_(pa.timestamp("us")))})
    pq.write_table(table, buffer, use_deprecated_int96_timestamps=True)
    with pytest.raises(UnsupportedColumnType, match="timestamp"):
        check_schema("x.parquet", buffer, ["x"])


NESTED: list[tuple[pa.DataType, list[Any], list[str | None]]] = [
    (pa.list_(pa.int8()), [[1, None], None, []], ["[1, null]", None, "[]"]),
    (pa.large_list(pa.string()), [['"a'], [None]], ['["\\"a"]', "[null]"]),
    (pa.list_(pa.float32(), 2), [[0.1, 2.0]], ["[0.1, 2.0]"]),
    (pa.list_(pa.date32()), [[date(2018, 1, 2)]], ['["2018-01-02"]']),
    (pa.list_(pa.decimal128(5, 2)), [[Decimal("1.50")]], ["[1.50]"]),
    (pa.list_(pa.list_(pa.bool_())), [[[True], None]], ["[[true], null]"]),
    (pa.struct([("a", pa.int8()), ("b", pa.time64("us"))]), [{"a": 1}, None], ['{"a": 1, "b": null}', None]),
    (pa.map_(pa.string(), pa.int8()), [[("k", 1)], [], None], ['{"k": 1}', "{}", None]),
    (pa.map_(pa.int8(), pa.bool_()), [[(1, True)]], ['{"1": true}']),
    (
        pa.list_(pa.date32()),
        [[date.max], [2_932_897], [None]],
        ['["9999-12-31"]', '["10000-01-01"]', "[null]"],
    ),
    (pa.list_(pa.timestamp("us")), [[2**63 - 1], [0]], ["json_invalid", '["1970-01-01 00:00:00"]']),
]


@pytest.mark.parametrize(("kind", "values", "wanted"), NESTED, ids=lambda case: str(case)[:30])
def test_nested_values_are_read_as_json(
    kind: pa.DataType, values: list[Any], wanted: list[str | None]
) -> None:
    column = pa.array(values, kind)
    assert read(column) == wanted
    assert read(column, row_group_size=1) == wanted


def test_text_of_a_nested_value_that_is_not_utf8_rejects_the_row() -> None:
    column = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), BAD)
    [rows] = rows_in(pa.table({"x": column, "n": [1, 2]}))
    assert rows.texts["x"].to_pylist() == [None, '["a"]']
    assert [[v.code for v in found] for found in rows.broken.values()] == [["json_invalid"]]
    assert json.loads(rows.raw(0)) == {"x": "<list<element: string>>", "n": "1"}


def test_documents_and_uuids_inside_other_values_are_read() -> None:
    fields = {"a": pa.array(["[1]", None], pa.json_()), "b": pa.array([UUID.bytes, None], pa.uuid())}
    column = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    assert read(column) == [f'{{"a": [1], "b": "{UUID}"}}', '{"a": null, "b": null}']


VALUES = {
    pa.int64(): (INTEGERS := st.integers(-(2**63), 2**63 - 1)),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
}


@given(st.data())
def test_json_of_nested_values_is_that_of_their_values(data: st.DataObject) -> None:
    def some(kind: pa.DataType, depth: int) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
        shape = data.draw(st.sampled_from(["list", "object", "map"])) if depth else "plain"
        if shape == "plain":
            return kind, st.none() | VALUES[kind]
        inner, values = some(kind, depth - 1)
        if shape == "list":
            return pa.list_(inner), st.none() | st.lists(values, max_size=3)
        if shape == "object":
            return pa.struct([("a", inner), ("b", pa.int64())]), st.none() | st.fixed_dictionaries(
                {"a": values, "b": INTEGERS}
            )
        keys = st.text(st.sampled_from('a"\\ä'), max_size=2)
        return pa.map_(pa.string(), inner), st.none() | st.dictionaries(keys, values, max_size=2)

    kind, values = some(data.draw(st.sampled_from(list(VALUES))), data.draw(st.integers(1, 3)))
    wanted = data.draw(st.lists(values, min_size=1, max_size=4))
    found = read(pa.array(wanted, kind), row_group_size=2)
    assert [None if text is None else json.loads(text) for text in found] == wanted


LENGTHS = st.integers(-(2**53), 2**53)


@given(st.lists(st.none() | LENGTHS, min_size=1), st.sampled_from(["s", "ms", "us"]))
def test_durations_are_read_as_intervals_of_the_same_length(values: list[int | None], unit: str) -> None:
    units = {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    small = [None if value is None else value % (units * 10**8) for value in values]
    texts = read(pa.array(small, pa.duration(unit)))
    found = [None if text is None else INTERVAL.parse(text).length for text in texts]
    assert found == [None if value is None else value * 10**6 // units for value in small]


def test_durations_of_nanoseconds_have_all_digits() -> None:
    column = pa.array([-3_500_000_001, None, 90_000 * 10**9], pa.duration("ns"))
    assert read(column) == ["-00:00:03.500000001", None, "25:00:00"]


@given(st.lists(st.none() | st.tuples(*[st.integers(0, 10**9 - 1)] * 3), min_size=1, max_size=9))
def test_intervals_of_parquet_have_months_days_and_milliseconds(values: list[tuple[int, ...] | None]) -> None:
    stored = [None if v is None else b"".join(n.to_bytes(4, "little") for n in v) for v in values]
    texts = text_of(intervals(pa.array(stored, pa.binary(12)))).to_pylist()
    wanted = [None if v is None else Interval(v[0], v[1], v[2] * 1000) for v in values]
    assert [None if text is None else INTERVAL.parse(text) for text in texts] == wanted


def test_files_written_by_pandas_are_read_exactly() -> None:
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["b", None, "a"]),
            "missing": [1, None, 3],
            "nullable": pd.array([2**53 + 1, None, 3], dtype="Int64"),
            "moment": pd.to_datetime(["2018-01-02 03:04:05.000006", None, "2018-01-02"], format="ISO8601"),
            "aware": [datetime(2018, 1, 2, tzinfo=UTC)] * 3,
        }
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    [rows] = rows_of("x.parquet", lambda: io.BytesIO(buffer.getvalue()))
    assert {name: texts.to_pylist() for name, texts in rows.texts.items()} == {
        "category": ["b", None, "a"],
        "missing": ["1.0", None, "3.0"],
        "nullable": [str(2**53 + 1), None, "3"],
        "moment": ["2018-01-02 03:04:05.000006", None, "2018-01-02 00:00:00"],
        "aware": ["2018-01-02 00:00:00Z"] * 3,
    }


def test_texts_of_a_slice_are_those_of_its_rows() -> None:
    column = pa.array([Decimal(n).scaleb(-8) for n in range(9)], pa.decimal128(20, 10))
    assert text_of(column.slice(3, 2)).to_pylist() == ["0.0000000300", "0.0000000400"]
