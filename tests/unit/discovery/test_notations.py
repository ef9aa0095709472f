"""Types for values in many notations, none of which changes its meaning."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.types.column_types import propose_type
from discovery.types.declared import Declared, marker_source
from discovery.types.readings import settled
from tests.notations import (
    HEADERS,
    NOTATIONS,
    TEXTS,
    Notation,
    assert_read_as_written,
    assert_texts_remain_different,
    proposed,
    values,
)


def written(declared: Declared) -> str:
    return ", ".join([declared.source, *map(marker_source, declared.markers)])


@pytest.mark.parametrize(
    ("header", "texts", "declaration"),
    [
        ("n", (".5", ".05", "1"), "Annotated[Decimal, Numeric()]"),
        ("n", ("1.5",) * 30 + ("1.123456789012345678901",), "Annotated[Decimal, Numeric()]"),
        ("n", ("1.0", "2.0"), "Integer"),
        ("n", ("1.00", "2.50", "3.00"), "Annotated[Decimal, Numeric()]"),
        ("price", ("1.00", "2.00"), "Annotated[Decimal, Numeric(12, 2)]"),
        ("price", ("123456789012.50", "2"), "Annotated[Decimal, Numeric(16, 2)]"),
        ("n", ("1,234", "1,234,567"), 'Integer, Format(thousands=",")'),
        ("n", ("1.234.567", "999"), 'Integer, Format(decimal=",", thousands=".")'),
        ("n", ("1'234.5", "2"), """Annotated[Decimal, Numeric()], Format(thousands="'")"""),
        ("n", ("1\u202f234,5", "2"), 'Annotated[Decimal, Numeric()], Format(decimal=",", thousands="\\u202f")'),
        ("n", ("0,5", "12,25"), 'Annotated[Decimal, Numeric()], Format(decimal=",")'),
        ("price", ("$1,234.50", "$2.00", "0"), 'Annotated[Decimal, Numeric(12, 2)], Format(thousands=",", symbols=("$",))'),
        ("n", ("5 %", "7 %"), 'Integer, Format(symbols=("%",))'),
        ("n", ("5 EUR", "7 EUR"), 'Integer, Format(symbols=("EUR",))'),
        ("n", ("(5.50)", "7.25"), 'Annotated[Decimal, Numeric()], Format(minus="(1)")'),
        ("n", ("5-", "7"), 'Integer, Format(minus="1-")'),
        ("n", ("1.5e10", "2"), "Double"),
        ("n", ("2000000000", "1"), "BigInt"),
        ("n", ("0.123456789012", "2"), "Double"),
        ("n", ("0.1234567890123456789", "2"), "Annotated[Decimal, Numeric()]"),
        ("lat", ("1.5", "-90"), "Annotated[Double, Field(ge=-90, le=90)]"),
        ("lat", ("1.5", "91"), "Double"),
        ("n", ("1", "-", "2"), 'Integer'),
        ("d", ("Jan 1 2000", "Feb 29 2000"), 'Date, Format(dates="%b %d %Y")'),
        ("d", ("January 1, 2000", "May 2, 2001"), 'Date, Format(dates=("%B %d, %Y", "%b %d, %Y"))'),
        ("d", ("Mon, 03 Jan 2000", "Tue, 04 Jan 2000"), 'Date, Format(dates="%a, %d %b %Y")'),
        ("d", ("10/Oct/2000:13:55:36 +0000", "1/Oct/2000:1:55:36 Z"), 'TimestampTz, Format(dates="%d/%b/%Y:%H:%M:%S %z")'),
        ("d", ("2000/01/31 1:05 PM", "2000/02/01 11:15 AM"), 'Timestamp, Format(dates="%Y/%m/%d %I:%M %p")'),
        ("d", ("20000131T130500Z", "20000201T130500Z"), 'TimestampTz, Format(dates="%Y%m%dT%H%M%S%z")'),
        ("d", ("31.12.2000", "2000-12-30"), 'Date, Format(dates="%d.%m.%Y")'),
        ("start", ("20000131", "20000229"), 'Date, Format(dates="%Y%m%d")'),
        ("n", ("20000131", "20000229"), "Integer"),
        ("updated_at", ("1700000000000", "1700000000001"), 'TimestampTz, Format(epoch="ms")'),
        ("t", ("1:05 PM", "11:15 AM"), 'Time, Format(dates="%I:%M %p")'),
        ("t", ("23:59:00", "25:10:00"), "Interval"),
        ("t", ("8:05", "23:10"), 'Time, Format(dates="%H:%M")'),
        ("t", ("8:05", "2:10"), "Interval"),
        ("t", ("1 day, 2:00:00", "23:10:00"), 'Interval, Clean(replace=((", ", " "),))'),
        ("timestamp", ("964982703", "1064982703"), 'TimestampTz, Format(epoch="s")'),
        ("d", ("2000-01-31", "0000-00-00"), "Date"),
        ("row", ("{6F1C2A9B-0D3E-4C5F-8A7B-112233445566}",), 'Uuid, Clean(replace=(("[{}]", ""),))'),
        ("street_number", ("1", "20"), "Name"),
        ("t", ("1 day 02:00:00", "2 days 03:00:00"), "Interval"),
        ("paid", ("Ja", "nein", "NEIN"), 'Boolean, Format(true=("ja",), false=("nein",))'),
        ("active", ("-1", "0"), 'Boolean, Format(true=("-1",), false=("0",))'),
        ("active", ("N", "N"), "Boolean"),
        ("middle", ("N", "N"), "Name"),
        ("id", ("0" * 32, "0123456789abcdef" * 2), "HexId"),
        ("tags", ("{1,2}", "{3}", "{}"), "Annotated[tuple, ArrayOf(INTEGER)]"),
        ("tags", ("{a,b}", "{c}"), "Annotated[tuple, ArrayOf(TEXT)]"),
        ("tags", ("[1, 2]", "[]"), "Json"),
        ("data", (r"\x00ff", r"\x01"), "Bytes"),
        ("zip", ("1037", "12345", "54321"), 'Annotated[Name, Field(pattern=r"^[0-9]{5}$")], Clean(pad="0", width=5)'),
        ("zip", ("1037", "01234", "54321", "99999"), "Name"),
        ("account_balance", ("1", "20"), "Integer"),
        ("account_number", ("1", "20"), "Name"),
        ("effect", ("None", "Minor", "Substantial"), "Name"),
    ],
)  # fmt: skip
def test_notation_of_all_values_is_declared(header: str, texts: tuple[str, ...], declaration: str) -> None:
    found = proposed(header, *texts)
    assert written(found) == declaration
    assert not found.refused_texts([text for text in texts if text not in found.nulls])


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("n", ("007", "7")),
        ("n", (*tuple(map(str, range(100, 600))), "0123")),
        ("n", ("5", "5%")),
        ("n", ("€5", "$5")),
        ("n", ("5 EUR", "5 USD")),
        ("key", ("1e3", "abc")),
        ("n", ("inf", "1.5")),
    ],
)
def test_texts_that_a_number_would_merge_remain_texts(header: str, texts: tuple[str, ...]) -> None:
    assert proposed(header, *texts).kind == "text"


def test_rules_need_many_rows_and_a_name() -> None:
    scores = [str(1 + n % 5) for n in range(1000)]
    assert proposed("review_score", *scores).source == "Annotated[Ordinal, Field(le=5)]"
    assert proposed("review_score", *scores[:100]).source == "Integer"
    assert proposed("n", *scores).source == "Integer"
    assert proposed("photo_count", *scores).source == "Count"
    assert proposed("discount_count", *scores, "-1").source == "Integer"
    codes = [chr(65 + n % 26) + chr(65 + n // 26 % 26) for n in range(1000)]
    assert proposed("state", *codes).source == 'Annotated[Name, Field(pattern=r"^[A-Z]{2}$")]'
    assert proposed("origin", *codes).source == "Name"
    parts = [f"AB-{n:04d}" for n in range(1000)]
    assert proposed("part", *parts).source == 'Annotated[Name, Field(pattern=r"^[A-Z]{2}-[0-9]{4}$")]'
    zips = [f"{n:05d}" for n in range(1000)]
    assert proposed("zip_code", *zips).source == 'Annotated[Name, Field(pattern=r"^[0-9]{5}$")]'


def test_damaged_values_of_identifiers_are_values() -> None:
    assert proposed("part_no", *map(str, range(2000)), "X1").kind == "text"


@pytest.mark.parametrize(
    ("further", "kind", "nulls"),
    [
        ("x", "text", ()),
        ("0123", "text", ()),
        ("7", "integer", ()),
        ("9999999999", "bigint", ()),
        ("NULL", "integer", ("NULL",)),
        (" NULL ", "integer", ("NULL",)),
        ("  ", "integer", ()),
    ],
)
def test_all_rows_are_read_where_not_all_values_are_known(
    further: str, kind: str, nulls: tuple[str, ...]
) -> None:
    known = values("n", [str(n) for n in range(100, 300)])
    rest = pa.array([*known.texts, further])
    found = propose_type(replace(known, all_known=False, rows=201, all_texts=lambda: [rest]), indexed=False)
    assert (found.kind, found.nulls) == (kind, nulls)


def test_blanks_in_any_row_are_found() -> None:
    known = values("n", ["1", "2"])
    rest = [pa.array(["1", "2"]), pa.array(["  ", " NULL"])]
    partly = replace(known, all_known=False, rows=4, all_texts=lambda: rest)
    assert partly.written_as({"", "NULL"}) == {"  ", " NULL"}


def test_damage_and_words_for_null_have_a_note() -> None:
    assert (
        proposed("n", *map(str, range(2000)), "x").note
        == "1 of 2,001 rows have another form, and are rejected"
    )
    found = proposed("n", "1", "-", "NULL")
    assert (found.note, found.nulls) == ("- is read as NULL", ("-", "NULL"))


def test_type_that_takes_all_values_precedes_one_that_takes_nearly_all() -> None:
    assert proposed("n", *map(str, range(2000)), "9999999999").source == "BigInt"
    times = [f"{n // 60}:{n % 60:02d}:00" for n in range(24 * 60)]
    assert proposed("arrival", *times).source == "Time"
    assert proposed("arrival", *times, "24:01:00").source == "Interval"


def test_column_without_values_is_text() -> None:
    assert proposed("n").source == "Text"
    assert proposed("n", "NaN", "NaN").nulls == ("NaN",)


def test_other_columns_decide_between_two_readings() -> None:
    columns = {
        "a": ["01/02/2020", "03/04/2020"],
        "b": ["31/01/2020"],
        "c": ["1,5"],
        "d": ["1.234"],
        "e": ["1,234"],
    }
    described = {header: values(header, texts) for header, texts in columns.items()}
    types = {header: propose_type(found, indexed=False) for header, found in described.items()}
    assert written(types["a"]) == 'Date, Format(dates="%m/%d/%Y")'
    assert "guess" in types["a"].note
    alone = settled({"a": types["a"]}, described, [types["a"]])
    assert alone["a"] == types["a"]
    found = settled(types, described, types.values())
    assert written(found["a"]) == 'Date, Format(dates="%d/%m/%Y")'
    assert written(found["d"]) == 'Integer, Format(decimal=",", thousands=".")'
    assert written(found["e"]) == 'Annotated[Decimal, Numeric()], Format(decimal=",")'


@settings(max_examples=30)
@given(notation=st.sampled_from(NOTATIONS), data=st.data())
def test_written_values_are_read_as_they_were(notation: Notation, data: st.DataObject) -> None:
    assert_read_as_written(notation, data.draw(st.lists(notation.values, min_size=1, max_size=8)))


@settings(max_examples=60)
@given(texts=TEXTS, header=HEADERS)
def test_no_two_texts_become_one_value_unless_they_are_equal(texts: list[str], header: str) -> None:
    assert_texts_remain_different(header, texts)
