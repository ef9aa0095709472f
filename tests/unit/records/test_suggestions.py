"""A fix is suggested where the rejected values of a column show it, and not otherwise."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from types import ModuleType
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from dataforge import Numeric, SmallInt, VarChar
from dataforge.records.suggestions import SUGGESTIONS, accepts, suggest, suggest_delimiter
from dataforge.tables.catalogue import Column
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import (
    Boolean,
    Count,
    Date,
    Integer,
    Label,
    Money,
    Text,
    Timestamp,
    TimestampTz,
)
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row


class Shop(Row, table="shops", file="shops.csv", distinct=True):
    """Columns of the kinds that have suggestions."""

    zip: Annotated[Label, Field(pattern=r"^[0-9]{5}$")]
    day: Date
    at: Timestamp
    instant: TimestampTz
    price: Money
    number: Count
    share: Annotated[Integer, Field(ge=0, le=100)] | None = None
    open: Boolean
    kind: Literal["SHOP", "KIOSK"]
    word: Annotated[Literal["Small", "Big"], Clean()]
    bare: Annotated[Text, Field(pattern="^[a-z]+$", max_length=5)]
    amount: Annotated[Decimal, Numeric(10, 1)]
    small: SmallInt
    short: Annotated[str, VarChar(3)]


def columns() -> dict[str, Column]:
    module = ModuleType("shopping")
    vars(module).update(Shop=Shop)
    return dict(read_dataset(module).table("shops").by_name)


COLUMNS = columns()


def zips(count: int) -> list[str]:
    return [f"{1000 + n}" for n in range(count)]


@pytest.mark.parametrize(
    ("name", "values", "read", "text"),
    [
        (
            "zip",
            zips(2383),
            10_000,
            "2,383 of 10,000 values have 4 digits instead of 5: leading zeros lost? "
            "Declare Clean(pad='0', width=5)",
        ),
        ("zip", ["1", "22", "333"], 9, "have fewer digits instead of 5"),
        (
            "zip",
            ["12345.0", "23456.0", "34567.00"],
            3,
            r"all 3 values end in '.0'. Declare Clean(replace=",
        ),
        ("zip", ["1234.0", "2345.0", "3456.0"], 3, "lost leading zeros"),
        (
            "at",
            [f"2020-01-{n:02} 10:00:00 UTC" for n in range(1, 29)],
            28,
            "all 28 values end in ' UTC'. Declare Clean(replace=((' UTC$', ''),))",
        ),
        ("instant", [f"2020-01-{n:02} 10:00:00 GMT" for n in range(1, 29)], 28, "(' GMT$', '+00:00')"),
        (
            "day",
            [f"{d:02}/02/2020" for d in range(1, 29)],
            28,
            "all 28 values: date format looks like DD/MM/YYYY (16 values impossible as MM/DD). "
            "Declare Format(dates='%d/%m/%Y')",
        ),
        (
            "day",
            [f"02/{d:02}/2020" for d in range(1, 29)],
            28,
            "MM/DD/YYYY (16 values impossible as DD/MM)",
        ),
        ("day", [f"0{d}/02/2020" for d in range(1, 9)], 8, "DD/MM/YYYY or MM/DD, and no value decides"),
        ("day", ["5-Jan-20", "6-Feb-21", "7-Mar-22"], 3, "Format(dates='%d-%b-%y')"),
        ("at", ["31.12.2020 23:59", "1.1.2021 0:00", "2.1.2021 7:30"], 3, "Format(dates='%d.%m.%Y %H:%M')"),
        ("at", ["1577836800", "1577836801", "1577836802"], 3, "Format(epoch='s')"),
        ("instant", ["1577836800000"] * 3, 3, "milliseconds since 1970"),
        ("price", ["1,5", "2,25", "3,75"], 3, "a decimal comma. Declare Format(decimal=',')"),
        ("price", ["1.234,5", "2,25", "3,75"], 3, "a decimal comma and thousands marks '.'"),
        ("price", ["1,234.50", "2,000.25", "3,000.75"], 3, "Format(thousands=',')"),
        ("price", ["$1.50", "$2.25", "$3"], 3, "the sign '$'. Declare Format(symbols=('$',))"),
        ("price", ["1,50 €", "2,25 €", "3 €"], 3, "Format(decimal=',', symbols=('€',))"),
        ("number", ["1,234", "2,345", "3,456"], 3, "Format(thousands=',')"),
        ("number", ["NULL", "NA"], 100, "2 of 100 values are 'NA' or 'NULL', which may mean NULL"),
        ("number", ["NULL"], 100, "1 of 100 values are 'NULL'"),
        ("share", ["9999"] * 4, 100, "are '9999', which may mean NULL. Declare Format(null=('9999',))"),
        ("open", ["Ja", "Nein", "Ja"], 3, "Format(true=('Ja',), false=('Nein',))"),
        ("kind", ["shop", "kiosk", "Shop"], 9, "have lower-case letters. Declare Clean(upper=True)"),
        ("word", ["small", "BIG", "big"], 9, "differ from the choices in case only"),
        ("amount", ["1.25", "2.5", "3.125"], 9, "Declare Annotated[Decimal, Numeric(12, 3)]"),
        ("amount", ["12345678901", "1", "2.1"], 3, "Declare Annotated[Decimal, Numeric(12, 1)]"),
        (
            "small",
            ["40000", "50000", "-60000"],
            9,
            "3 of 9 values are integers beyond 16 bits. Declare Integer",
        ),
        ("small", ["1.5", "2.25", "3"], 3, "Declare Annotated[Decimal, Numeric(3, 2)]"),
        ("number", ["3000000000"] * 3, 3, "are integers beyond 32 bits. Declare BigInt"),
        (
            "short",
            ["abcd", "abcdef", "abcde"],
            3,
            "have up to 6 characters. Declare Annotated[str, VarChar(6)]",
        ),
        ("day", ["2020-01-01 10:00:00"] * 3, 3, "have a time of day. Declare Timestamp"),
        ("instant", ["2020-01-01 10:00:00"] * 3, 3, "have no offset. Declare Timestamp"),
        ("bare", [" a", "b ", "c "], 3, "have white space at an end. Declare Clean()"),
    ],
)
def test_fix_that_the_values_show_is_suggested(name: str, values: list[str], read: int, text: str) -> None:
    found = suggest(COLUMNS[name], Counter(values), read=read)
    assert any(text in suggestion.text for suggestion in found), found


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("zip", ["abc", "x1", "?!"]),
        ("day", ["yesterday", "32/32/2020", "0"]),
        ("price", ["a", "-5", "1.234"]),
        ("number", ["-1", "-2", "-3"]),
        ("zip", ["1234"] + ["x"] * 50),
        ("kind", ["CAR", "BUS", "TRAM"]),
        ("share", ["101", "9999", "500", "700"]),
    ],
)
def test_nothing_is_suggested_without_evidence(name: str, values: list[str]) -> None:
    found = suggest(COLUMNS[name], Counter(values), read=1000)
    assert [s for s in found if s.values > 1] == []


def test_empty_values_and_several_signs_have_suggestions() -> None:
    values = Counter(["1,5"] * 4 + ["NA"] * 3)
    found = suggest(COLUMNS["price"], values, read=20, empty=2)
    assert [s.values for s in found] == [2, 4, 3]
    assert "2 of 20 values are empty" in found[0].text


def test_other_delimiter_is_suggested_if_all_records_fit() -> None:
    found = suggest_delimiter(["1;2;3"] * 3, ("a", "b", "c"), ",", rejected=3)
    assert found is not None
    assert found.declaration == "Csv(delimiter=';')"
    fields = suggest_delimiter(["1,2,3,"] * 3, ("a", "b", "c"), ",", rejected=3)
    assert fields is not None
    assert "have 4 fields, and the file's columns are 3" in fields.text
    assert suggest_delimiter(["1;2;3", "1;2", "1;2;3"], ("a", "b", "c"), ",", rejected=3) is None


@given(st.sampled_from(sorted(COLUMNS)), st.lists(st.text(max_size=12), max_size=8))
def test_any_values_have_few_suggestions(name: str, values: list[str]) -> None:
    found: list[Any] = suggest(COLUMNS[name], Counter(values), read=len(values))
    assert len(found) <= SUGGESTIONS
    assert all(0 < s.values <= len(values) for s in found)
    assert not accepts(COLUMNS["day"], "yesterday")
