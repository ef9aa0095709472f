"""Binary transfer of values to PostgreSQL: exact at the limits of every type and next to NULL."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import psycopg2.errors
import pyarrow as pa
import pytest
from hypothesis import example, given

from dataforge.bulk.binary_copy import copy_rows
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.documents import BOOLEAN
from dataforge.tables.types.floats import DOUBLE
from dataforge.tables.types.numbers import BIGINT, INTEGER, Numeric
from dataforge.tables.types.text import TEXT
from dataforge.tables.types.times import TIMESTAMP

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database

FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001  columns have no zone
ENDS: list[tuple[ColumnType, list[Any]]] = [
    (TEXT, ["", "é😀", "NULL", "\r\n", "x" * 70_000]),
    (INTEGER, [-(2**31), -1, 0, 2**31 - 1]),
    (BIGINT, [-(2**63), -1, 0, 2**63 - 1]),
    (DOUBLE, [5e-324, -1.7976931348623157e308, 0.1, -0.0]),
    (TIMESTAMP, [FIRST, datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2000, 1, 1), LAST]),  # noqa: DTZ001
    (BOOLEAN, [True, False]),
]


@pytest.fixture(scope="module")
def cursor(module_database: Database) -> Cursor:
    """A cursor of a session in which each test creates its temporary tables again."""
    return module_database.superuser().cursor()


def stored(
    cursor: Cursor, kind: ColumnType, values: list[Any], rows: slice = slice(None)
) -> list[str | None]:
    """Send the values; return PostgreSQL's texts for them in order."""
    batch = pa.record_batch([pa.array(values, kind.arrow())], ["value"])[rows]
    created_again(cursor, f"value {kind.sql}, at bigint GENERATED ALWAYS AS IDENTITY")
    data = io.BytesIO(copy_rows({"value": kind}, batch))
    cursor.copy_expert("COPY sent (value) FROM STDIN (FORMAT binary)", data)
    cursor.execute("SELECT value::text FROM sent ORDER BY at")
    return [text for (text,) in cursor.fetchall()]


def created_again(cursor: Cursor, columns: str) -> None:
    """Create the temporary table ``sent`` again, without rows."""
    cursor.execute(f"DROP TABLE IF EXISTS sent; CREATE TEMPORARY TABLE sent ({columns})")


@pytest.mark.parametrize(("kind", "values"), ENDS, ids=[kind.name for kind, _ in ENDS])
@pytest.mark.parametrize("gap", [[], [None]], ids=["no NULL", "a NULL"])
def test_limits_of_the_range_are_stored_exactly(
    cursor: Cursor, kind: ColumnType, values: list[Any], gap: list[None]
) -> None:
    sent = [*values[:1], *gap, *values[1:]]
    expected = [None if value is None else kind.text(value) for value in sent]
    if kind is BOOLEAN:
        expected = [{"t": "true", "f": "false", None: None}[text] for text in expected]
    if kind is DOUBLE:
        expected = ["-0" if text == "0" else text for text in expected]
    assert stored(cursor, kind, sent) == expected


@st.composite
def numerics(draw: st.DrawFn) -> tuple[int, int, list[Decimal | None]]:
    """A precision, a scale and values with these digits, including NULL."""
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    unscaled = st.integers(-(10**precision) + 1, 10**precision - 1) | st.integers(-9, 9).map(
        lambda n: n * 10 ** (precision - 1)
    )
    values = draw(st.lists(st.none() | unscaled, max_size=6))
    return precision, scale, [None if v is None else Decimal(f"{v}E-{scale}") for v in values]


@given(numerics())
@example((38, 38, [Decimal(f"0.{'9' * 38}"), Decimal(f"-0.{'0' * 37}1")]))
@example((38, 0, [Decimal("9" * 38), Decimal(0)]))
@example((5, 5, [None]))
def test_numerics_of_every_precision_and_scale_are_stored_exactly(
    cursor: Cursor, case: tuple[int, int, list[Decimal | None]]
) -> None:
    precision, scale, values = case
    kind = Numeric(precision, scale)
    expected = [None if value is None else kind.text(value) for value in values]
    assert stored(cursor, kind, values) == expected


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=None), min_size=1, max_size=5))
@example([Decimal("0.0226"), Decimal("-0.05"), Decimal("1E+5"), Decimal("1E-12"), Decimal("0.00")])
def test_numerics_without_a_precision_are_stored_exactly(cursor: Cursor, values: list[Decimal]) -> None:
    kind = Numeric()
    found = stored(cursor, kind, [kind.text(value) for value in values])
    assert [Decimal(text or "NaN") for text in found] == values


def test_slice_of_a_batch_contains_only_its_rows(cursor: Cursor) -> None:
    for kind, values in [*ENDS, (Numeric(12, 2), [Decimal("-1.50"), None, Decimal("7.25")])]:
        assert stored(cursor, kind, values, slice(1, 2)) == stored(cursor, kind, values[1:2])


def test_empty_batch_adds_no_rows(cursor: Cursor) -> None:
    assert stored(cursor, TEXT, []) == []


def test_columns_are_matched_by_their_names(cursor: Cursor) -> None:
    batch = pa.record_batch({"b": pa.array(["text"]), "more": pa.array([1]), "a": pa.array([7], pa.int32())})
    created_again(cursor, "a integer, b text")
    data = io.BytesIO(copy_rows({"a": INTEGER, "b": TEXT}, batch))
    cursor.copy_expert("COPY sent (a, b) FROM STDIN (FORMAT binary)", data)
    cursor.execute("SELECT a, b FROM sent")
    assert cursor.fetchall() == [(7, "text")]


@pytest.mark.parametrize(
    ("kind", "sent_as", "value", "error"),
    [
        (TEXT, TEXT, "a\0b", psycopg2.errors.CharacterNotInRepertoire),
        (Numeric(5, 2), Numeric(20, 2), Decimal("1000.00"), psycopg2.errors.NumericValueOutOfRange),
    ],
    ids=["NUL", "too large"],
)
def test_binary_copy_refuses_values_outside_the_column_type(
    cursor: Cursor, kind: ColumnType, sent_as: ColumnType, value: Any, error: type[Exception]
) -> None:
    batch = pa.record_batch([pa.array([value], sent_as.arrow())], ["value"])
    created_again(cursor, f"value {kind.sql}")
    data = io.BytesIO(copy_rows({"value": kind}, batch))
    with pytest.raises(error):
        cursor.copy_expert("COPY sent FROM STDIN (FORMAT binary)", data)
