"""Every column type agrees with PostgreSQL on text, equality and Parquet; one list of types for all properties."""

from __future__ import annotations

import json
import math
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError, PydanticKnownError

from dataforge.bulk.row_texts import join_texts, row_bodies
from dataforge.postgres.rows import one_row
from dataforge.records.validate import row_text
from dataforge.tables.types.arrays import Array
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.documents import BOOLEAN, BYTEA, JSONB, UUID, Json, jsonb_text
from dataforge.tables.types.floats import DOUBLE, REAL
from dataforge.tables.types.interval import INTERVAL, Interval
from dataforge.tables.types.numbers import BIGINT, INTEGER, SMALLINT, Numeric
from dataforge.tables.types.registry import PLAIN, column_type
from dataforge.tables.types.text import TEXT, Text
from dataforge.tables.types.times import DATE, TIME, TIMESTAMP, TIMESTAMPTZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database


@pytest.fixture(scope="module")
def cursor(module_database: Database) -> Iterator[Cursor]:
    """Sees values as Data Forge's functions do; each statement is a transaction."""
    db = module_database.connect("master")
    db.autocommit = True
    yield db.cursor()
    db.close()


class Case(NamedTuple):
    """A type, and the values that it is tried with."""

    kind: ColumnType
    values: st.SearchStrategy[Any]


def _decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda n: Decimal(f"{n}E-{scale}"))


_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_texts = st.text(_characters, max_size=20)
_awkward = st.sampled_from(
    ["", " ", "NULL", "null", '"', "\\", "{}", ",", "a b", "\n", "\v", "\x1f", "ü", "\u00a0"]
)
_numbers = st.one_of(
    st.integers(-(2**70), 2**70), _decimals(20, 7), st.sampled_from([Decimal("-0"), Decimal("1.50")])
)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)),
    max_leaves=8,
)
_documents = _json.map(lambda document: Json(jsonb_text(document)))
_intervals = st.builds(
    Interval,
    st.integers(-30_000, 30_000),
    st.integers(-40_000, 40_000),
    st.integers(-(10**13), 10**13),
) | st.sampled_from(
    [Interval(), Interval(1), Interval(0, 30), Interval(0, 29, 86_400_000_000), Interval(-1, 3, -1)]
)
_singles = st.floats(width=32, allow_nan=False, allow_infinity=False)
_doubles = st.floats(allow_nan=False, allow_infinity=False)

CASES = [
    Case(SMALLINT, st.integers(-(2**15), 2**15 - 1)),
    Case(INTEGER, st.integers(-(2**31), 2**31 - 1)),
    Case(BIGINT, st.integers(-(2**63), 2**63 - 1)),
    Case(Numeric(10, 2), _decimals(10, 2)),
    Case(Numeric(50, 20), _decimals(50, 20)),
    Case(Numeric(), _decimals(30, 12)),
    Case(
        REAL, _singles | st.sampled_from(["1e6", "999999", "1e-4", "1e-5", "16777216", "-0"]).map(REAL.parse)
    ),
    Case(DOUBLE, _doubles | st.sampled_from([1e15, 1e-5, 9007199254740993.0, -0.0])),
    Case(BOOLEAN, st.booleans()),
    Case(TEXT, _texts | _awkward),
    Case(Text(20), _texts),
    Case(DATE, st.dates()),
    Case(TIME, st.times()),
    Case(TIMESTAMP, st.datetimes()),
    Case(TIMESTAMPTZ, st.datetimes(timezones=st.just(UTC))),
    Case(INTERVAL, _intervals),
    Case(UUID, st.uuids()),
    Case(JSONB, _documents),
    Case(BYTEA, st.binary(max_size=20)),
    Case(Array(INTEGER), st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=4).map(tuple)),
    Case(Array(TEXT), st.lists(st.none() | _texts | _awkward, max_size=4).map(tuple)),
    Case(Array(DATE), st.lists(st.none() | st.dates(), max_size=4).map(tuple)),
    Case(Array(JSONB), st.lists(st.none() | _documents, max_size=3).map(tuple)),
    Case(Array(BYTEA), st.lists(st.none() | st.binary(max_size=4), max_size=3).map(tuple)),
]
every_type = pytest.mark.parametrize("case", CASES, ids=[case.kind.catalog for case in CASES])
property_of_values = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_every_plain_type_is_in_the_list() -> None:
    assert {kind.name for kind in PLAIN} <= {case.kind.name for case in CASES}


@every_type
@property_of_values
@given(data=st.data())
def test_canonical_text_is_what_postgresql_writes(cursor: Cursor, case: Case, data: st.DataObject) -> None:
    value = data.draw(case.values)
    text = case.kind.text(value)
    cursor.execute(f"SELECT v::text, ROW(v)::text FROM (SELECT %s::{case.kind.catalog} AS v) s", (text,))
    assert one_row(cursor) == (
        text if case.kind is not BOOLEAN else {"t": "true", "f": "false"}[text],
        row_text([text]),
    )


@every_type
@property_of_values
@given(data=st.data())
def test_text_is_parsed_to_the_value_it_was_written_from(case: Case, data: st.DataObject) -> None:
    value = data.draw(case.values)
    parsed = case.kind.parse(case.kind.text(value))
    assert case.kind.text(parsed) == case.kind.text(value)
    assert TypeAdapter(object).validate_python(parsed) == parsed


@every_type
@property_of_values
@given(data=st.data())
def test_equality_is_postgresqls(cursor: Cursor, case: Case, data: st.DataObject) -> None:
    one, other = data.draw(case.values), data.draw(case.values)
    sql = case.kind.catalog
    cursor.execute(f"SELECT %s::{sql} = %s::{sql}", (case.kind.text(one), case.kind.text(other)))
    assert (case.kind.equality(one) == case.kind.equality(other)) is one_row(cursor)[0]


@every_type
@property_of_values
@given(data=st.data())
def test_parquet_gives_the_text_back(case: Case, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | case.values, max_size=4))
    texts = [None if value is None else case.kind.text(value) for value in values]
    stored = case.kind.from_texts(pa.chunked_array([pa.array(texts, pa.string())])).combine_chunks()
    assert stored.type == case.kind.arrow()
    assert case.kind.texts(stored).to_pylist() == texts


@every_type
@property_of_values
@given(data=st.data())
def test_row_text_of_parquet_is_the_model_s(case: Case, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | case.values, min_size=1, max_size=4))
    texts = [None if value is None else case.kind.text(value) for value in values]
    stored = case.kind.from_texts(pa.chunked_array([pa.array(texts, pa.string())])).combine_chunks()
    types, expected = {"a": case.kind}, [row_text([text])[1:-1] for text in texts]
    assert row_bodies(types, pa.table({"a": stored})).to_pylist() == expected
    assert join_texts(types, pa.table({"a": pa.array(texts, pa.string())})).to_pylist() == expected


@every_type
def test_sql_name_stands_for_its_type(case: Case) -> None:
    assert column_type(case.kind.sql) == case.kind or column_type(case.kind.sql) is case.kind


@every_type
def test_sample_is_a_value_of_the_type(cursor: Cursor, case: Case) -> None:
    text = case.kind.text(case.kind.parse(case.kind.sample()))
    cursor.execute(f"SELECT %s::{case.kind.catalog} IS NOT NULL", (text,))
    assert one_row(cursor) == (True,)


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [
        (INTERVAL, "25:10:00", "25:10:00"),
        (INTERVAL, "1 mon -3 days 04:05", "1 mon -3 days +04:05:00"),
        (INTERVAL, "P1Y2M3DT4H5M6.7S", "1 year 2 mons 3 days 04:05:06.7"),
        (TIMESTAMP, "2018-01-31 23:30:00.1200000", "2018-01-31 23:30:00.12"),
        (TIME, "23:30:00.123456000", "23:30:00.123456"),
        (INTERVAL, "1:26.572", "00:01:26.572"),
        (INTERVAL, "+1:6.5", "00:01:06.5"),
        (INTERVAL, "-0:0.5", "-00:00:00.5"),
        (UUID, "{6F1C2A9B0D3E4C5F8A7B112233445566}", "6f1c2a9b-0d3e-4c5f-8a7b-112233445566"),
        (TIMESTAMPTZ, "2018-01-31T23:30:00-03:00", "2018-02-01 02:30:00+00"),
        (TIMESTAMPTZ, "2018-01-31 23:30:00Z", "2018-01-31 23:30:00+00"),
        (JSONB, '{"b": 1.50, "a": [1e2, null], "a": 2}', '{"a": 2, "b": 1.50}'),
        (BYTEA, "00FF", "\\x00ff"),
        (Array(TEXT), '["a", "b,c", null]', '{a,"b,c",NULL}'),
        (Array(TEXT), '{a, "b,c" ,NULL,"NULL"}', '{a,"b,c",NULL,"NULL"}'),
        (REAL, "0.1", "0.1"),
        (Numeric(), "1.500", "1.5"),
    ],
)
def test_other_spellings_are_stored_as_postgresql_stores_them(
    cursor: Cursor, kind: ColumnType, text: str, canonical: str
) -> None:
    assert kind.text(kind.parse(text)) == canonical
    literal = text if not text.startswith('["') else canonical
    literal = "\\x" + text if kind is BYTEA else literal
    cursor.execute(f"SELECT %s::{kind.catalog} = %s::{kind.catalog}", (literal, canonical))
    assert one_row(cursor) == (True,)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (SMALLINT, "32768"),
        (INTEGER, "1_000"),
        (INTEGER, True),
        (INTEGER, Decimal("1.5")),
        (INTEGER, Decimal("1e999999999")),
        (Numeric(4, 2), "100"),
        (Numeric(4, 2), "1.234"),
        (Numeric(), "NaN"),
        (REAL, "3.5e38"),
        (DOUBLE, "1e999"),
        (DOUBLE, math.nan),
        (BOOLEAN, "maybe"),
        (DATE, "2018-02-30"),
        (DATE, "20180230"),
        (TIME, "24:00:00"),
        (TIMESTAMP, "2018-01-31T12:00:00Z"),
        (TIMESTAMPTZ, "2018-01-31 12:00:00"),
        (TIMESTAMPTZ, "2018-01-31 Z"),
        (TIMESTAMP, "2018-01-31T"),
        (TIMESTAMPTZ, "0001-01-01 00:00:00+14"),
        (INTERVAL, ""),
        (INTERVAL, "P"),
        (INTERVAL, "soon"),
        (UUID, "6f1c2a9b"),
        (JSONB, "{'a': 1}"),
        (JSONB, '"\\u0000"'),
        (JSONB, '"\\ud800"'),
        (JSONB, "NaN"),
        (JSONB, "[" * 100_000),
        (BYTEA, "0g"),
        (TEXT, "a\0b"),
        (Text(2), "abc"),
        (Array(INTEGER), "{1,x}"),
        (Array(TEXT), "{a,}"),
        (Array(TEXT), "a,b"),
    ],
)
def test_wrong_value_is_refused(kind: ColumnType, wrong: Any) -> None:
    with pytest.raises((PydanticKnownError, PydanticCustomError)):
        kind.parse(wrong)


@pytest.mark.parametrize(
    "text", ["0.10000000149011612", "16777217", "8388609.5", "1.00000017881393432617187499"]
)
def test_real_is_rounded_once(cursor: Cursor, text: str) -> None:
    cursor.execute("SELECT %s::real::text", (text,))
    assert one_row(cursor) == (REAL.text(REAL.parse(text)),)


def test_json_numbers_of_the_api_are_those_of_the_text() -> None:
    document = json.loads('{"a": 1.10}', parse_float=Decimal)
    assert JSONB.parse(document) == JSONB.parse('{"a": 1.10}')
