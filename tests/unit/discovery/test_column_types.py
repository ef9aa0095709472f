"""Types that are proposed from the values of a column."""

from __future__ import annotations

from collections import Counter

import pytest

from discovery.types.column_types import propose_type
from discovery.types.declared import Declared, marker_source
from discovery.types.values import Values


def values(header: str, *texts: str) -> Values:
    counted = Counter(texts)
    lengths = [len(text) for text in texts]
    return Values(
        header,
        tuple(counted),
        tuple(counted.values()),
        True,
        len(texts),
        len(counted),
        max(lengths),
        sum(lengths) / len(lengths),
    )


def proposed(header: str, *texts: str) -> Declared:
    return propose_type(values(header, *texts), indexed=False)


def test_number_of_which_one_would_lose_zeros_is_a_text() -> None:
    assert proposed("batch", *map(str, range(1, 2000)), "007").kind == "text"


def test_digits_that_a_double_lacks_are_preserved() -> None:
    exact = [f"{i / 7:.12f}" for i in range(100)]
    assert proposed("v", *exact).kind == "double"
    assert proposed("v", *exact, "0.12345678901234567891").kind == "numeric"


@pytest.mark.parametrize(
    ("header", "texts", "kind"),
    [
        ("count", ("1", "-2", "3.0"), "integer"),
        ("big", ("1", "9999999999"), "bigint"),
        ("zip", ("12345", "54321"), "text"),
        ("code", ("007", "123"), "text"),
        ("price", ("1.50", "20.25"), "numeric"),
        ("price", ("1.234,50", "20,25"), "numeric"),
        ("lat", ("1.5", "20.25"), "double"),
        ("day", ("2020-01-31", "2021-12-01"), "date"),
        ("day", ("31.01.2020", "01.12.2021"), "date"),
        ("at", ("2020-01-31 10:00:00", "2020-02-01 11:00:00"), "timestamp"),
        ("at", ("2020-01-31T10:00:00Z", "2020-02-01T11:00:00+02:00"), "timestamptz"),
        ("flag", ("true", "false"), "boolean"),
        ("is_new", ("0", "1"), "boolean"),
        ("number", ("0", "1"), "integer"),
        ("document", ('{"a": 1}', "[1]"), "jsonb"),
        ("id", ("6f1c2a9b-0d3e-4c5f-8a7b-112233445566",), "uuid"),
        ("name", ("x", "1"), "text"),
    ],
)
def test_type_is_the_strictest_that_takes_all_values(header: str, texts: tuple[str, ...], kind: str) -> None:
    found = proposed(header, *texts)
    assert found.kind == kind
    assert not found.refused_texts(texts)


def test_words_for_null_are_not_values() -> None:
    found = proposed("count", "1", "NULL", r"\N")
    assert (found.kind, found.nulls) == ("integer", ("NULL", r"\N"))


def test_day_that_cannot_be_a_month_decides_between_notations() -> None:
    [marker] = proposed("day", "01/31/2020", "02/01/2020").markers
    assert marker_source(marker) == 'Format(dates="%m/%d/%Y")'
    [marker] = proposed("day", "31/01/2020", "01/02/2020").markers
    assert marker_source(marker) == 'Format(dates="%d/%m/%Y")'


def test_few_texts_are_an_enumeration_only_if_each_occurs_often() -> None:
    often = proposed("status", *["open", "closed"] * 60)
    assert often.source == 'Literal["closed", "open"]'
    assert proposed("country", *["Chile", "Peru"] * 1000).source == "Name"
    assert proposed("state", *["SP", "RJ"] * 1000).source == "Name"
    assert proposed("status", "open", "closed").kind == "text"
    assert not proposed("status", "open", "closed").source.startswith("Literal")


def test_damaged_values_of_a_long_column_do_not_decide_its_type() -> None:
    assert proposed("count", *map(str, range(2000)), "x").kind == "integer"
    assert proposed("count", *map(str, range(20)), "x").kind == "text"
