"""A shortcut accepts only values that the column's validator accepts, and their canonical texts are the values."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Annotated, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from pydantic.fields import FieldInfo

from dataforge import (
    BigInt,
    Count,
    Date,
    Double,
    IndexedName,
    Integer,
    Label,
    Money,
    Name,
    Timestamp,
    TimestampTz,
    Uuid,
)
from dataforge.bulk.canonical import canonical, refused, shortcut, validate_text
from dataforge.tables.catalogue import Column
from dataforge.tables.columns import HexId, SmallInt
from dataforge.tables.fields import read_rule
from dataforge.tables.types.numbers import Numeric

COLUMNS: tuple[Any, ...] = (
    *(
        BigInt,
        Count,
        Date,
        Double,
        HexId,
        IndexedName,
        Integer,
        Label,
        Money,
        Name,
        SmallInt,
        Timestamp,
        TimestampTz,
        Uuid,
    ),
    Annotated[Integer, Field(ge=-5, le=40)],
    *(Annotated[Decimal, kind] for kind in (Numeric(), Numeric(5, 2), Numeric(4), Numeric(2, 2))),
    Annotated[Decimal, Numeric(), Field(ge=0)],
    Annotated[Name, Field(pattern="^[0-9]{2,5}$")],
    Annotated[Label, Field(pattern="^[A-Z]{2}-[0-9]{3}$", min_length=5)],
    Annotated[Decimal, Numeric(5, 2), Field(ge=0, le=10)],
)
instants = st.datetimes(timezones=st.just(UTC)).filter(lambda found: found.year >= 1000)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
texts = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.integers(-200, 200).map(str),
    numbers,
    st.sampled_from(
        [
            "0",
            "-0",
            "00",
            "-0.00",
            "0.50",
            "1.",
            "1.0",
            "-1.25",
            ".5",
            "12345.67",
            "0.00",
            "99.99",
            "-7.500",
            "1..",
            "1.5.",
            "2.00",
            "10.0",
            "100",
            "-0.0",
            "2024-02-29T10:00:00",
            "2024-01-31T24:00:00Z",
            "-7.500",
            "2024-02-29T10:00:00",
            "2024-01-31T24:00:00Z",
        ]
    ),
    st.from_regex(r"-?[0-9]{1,6}(\.[0-9]{1,3})?", fullmatch=True),
    st.dates().map(str),
    st.datetimes().map(lambda found: found.replace(microsecond=0).isoformat(" ")),
    instants.map(lambda found: f"{found:%Y-%m-%dT%H:%M:%SZ}"),
    instants.map(lambda found: f"{found:%Y-%m-%d %H:%M:%S+00}"),
    st.uuids().map(str),
    st.from_regex(r"[A-Z]{2}-[0-9]{2,3}|[0-9]{1,6} ?", fullmatch=True),
    st.text(max_size=6),
    st.text(' \t\n\r\v",()\\aé\x85\xa0\u2003', max_size=5),
    st.sampled_from(["x" * 200, "x" * 201, "é" * 1301, "y" * 2600]),
)


@pytest.mark.parametrize("annotation", COLUMNS, ids=range(len(COLUMNS)))
@settings(max_examples=15, deadline=None)
@given(values=st.lists(texts, max_size=30))
def test_shortcut_gives_the_result_of_the_validator(annotation: Any, values: list[str]) -> None:
    rule = read_rule("value", FieldInfo.from_annotation(annotation))
    column = Column("value", rule.type, rule.nullable, rule.clean, rule, "")
    raw = pa.array([value for value in values if value and "\0" not in value], pa.string())
    expected = [validate_text(column, value) for value in raw.to_pylist()]
    accepted = shortcut(column, raw)
    for value, found in zip(raw.to_pylist(), [] if accepted is None else accepted.to_pylist(), strict=False):
        assert not found or validate_text(column, value)[1:] == ((), ())
    result = canonical(column, raw, has_nul=False)
    bad = [False] * len(raw) if (mask := result.bad()) is None else mask.tolist()
    assert bad == [bool(found.errors) for found in expected]
    assert refused(column, raw, has_nul=False).tolist() == bad
    texts = [text for text, wrong in zip(result.quoted.to_pylist(), bad, strict=True) if not wrong]
    assert texts == [found.quoted for found in expected if not found.errors]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Integer, "-2147483648"),
        (BigInt, "123456789012"),
        (Annotated[Decimal, Numeric(5, 2)], "-1.50"),
        (Annotated[Decimal, Numeric()], "12.5"),
        (Date, "2024-01-31"),
        (Uuid, "00000000-0000-0000-0000-00000000000a"),
        (TimestampTz, "2024-01-31 10:00:00+00"),
        (Annotated[Name, Field(pattern="^[A-Z]{2}-[0-9]{3}$")], "AB-123"),
        (Name, 'Ada (née "King"), Émile'),
        (Label, "a"),
    ],
)
def test_usual_values_take_the_shortcut(annotation: Any, value: str) -> None:
    rule = read_rule("value", FieldInfo.from_annotation(annotation))
    column = Column("value", rule.type, rule.nullable, rule.clean, rule, "")
    found = shortcut(column, pa.array([value, None], pa.string()))
    assert found is not None
    assert found.to_pylist() == [True, None]
