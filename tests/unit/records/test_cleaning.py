"""Each declared change is made and counted, alike for single records and for columns."""

from __future__ import annotations

from collections import Counter
from types import ModuleType
from typing import Annotated

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.bulk.canonical import canonical
from dataforge.records.validate import clean_value, quote, validate
from dataforge.records.validate_many import validate_all
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import Integer, Key, Label, Text
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row

EVERYTHING = Clean(
    normalize=True,
    controls=True,
    collapse=True,
    replace=((" UTC$", ""), ("x+", "x")),
    values={"n/a": "", "berln": "berlin"},
    lower=True,
    pad="0",
    width=4,
)


class Item(Row, table="items"):
    """A row whose values are cleaned."""

    label: Annotated[Label, Key(), EVERYTHING]
    note: Annotated[Text, EVERYTHING] | None = None
    size: Annotated[Integer, Clean(values={"9999": ""})] | None = None


MODULE = ModuleType("shop")
MODULE.Item = Item  # type: ignore[attr-defined]
TABLE = read_dataset(MODULE).table("items")
values = st.text(st.sampled_from("aAxé\u0301 \t\n\x07 0"), max_size=6) | st.sampled_from(
    ["n/a", "Berln", "berln", "12 UTC", "", " ", "e\u0301", "xxx"]
)


@pytest.mark.parametrize(
    ("rule", "value", "cleaned", "names"),
    [
        (Clean(pad="0", width=5), "1037", "01037", ("padded",)),
        (Clean(pad="0", width=5), " 1037 ", "01037", ("trimmed", "padded")),
        (Clean(pad="0", width=5), " ", None, ("trimmed", "emptied")),
        (Clean(replace=((" UTC$", ""),)), "2005-05-24 22:53:30 UTC", "2005-05-24 22:53:30", ("replaced",)),
        (Clean(values={"N/A": ""}), "N/A", None, ("mapped", "emptied")),
        (Clean(lower=True), "ABC", "abc", ("lowercased",)),
        (Clean(lower=True), "İ", "İ", ()),
        (Clean(collapse=True), "a \n b", "a b", ("collapsed",)),
        (Clean(normalize=True), "e\u0301", "é", ("normalized",)),
        (Clean(controls=True), "a\x07b\tc", "ab\tc", ("controls_removed",)),
        (Clean(trim=False, collapse=True), "  ", " ", ("collapsed",)),
    ],
)
def test_change_is_made_and_named(
    rule: Clean, value: str, cleaned: str | None, names: tuple[str, ...]
) -> None:
    assert clean_value(rule, value) == (cleaned, names)


@given(st.lists(st.tuples(values, values), max_size=6))
def test_records_and_columns_are_cleaned_alike(rows: list[tuple[str, str]]) -> None:
    records = [{"label": label, "note": note} for label, note in rows]
    counted: Counter[tuple[str, str]] = Counter()
    single = [validate(TABLE, {n: v for n, v in r.items() if v}, counted) for r in records]
    found: Counter[tuple[str, str]] = Counter()
    for number, column in enumerate(TABLE.columns[:2]):
        raw = pa.array([row[number] or None for row in rows], pa.string())
        result = canonical(column, raw, has_nul=False)
        bad = result.bad()
        texts = result.quoted.to_pylist()
        for index, row in enumerate(single):
            if isinstance(row, tuple):
                text = row[number]
                assert texts[index] == (None if text is None else quote(text))
                assert bad is None or not bad[index]
        result.count(column.name, np.ones(len(rows), np.bool_), found)
    assert found == counted
    many = validate_all(TABLE, [{n: v for n, v in r.items() if v} for r in records])
    assert [index for index, row in enumerate(single) if isinstance(row, tuple)] == many.positions


def test_value_that_is_valid_before_its_change_is_changed_in_every_record() -> None:
    record = {"label": "abcd", "size": "9999"}
    row = validate(TABLE, record, Counter())
    assert row == ("abcd", None, None)
    assert validate_all(TABLE, [record]).columns == [["abcd"], [None], [None]]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"upper": True, "lower": True}, "contradicts"),
        ({"pad": "0"}, "width"),
        ({"width": 3}, "one character"),
        ({"pad": "00", "width": 3}, "one character"),
        ({"replace": (("(", ""),)}, "regular expression"),
        ({"replace": (" UTC$", "")}, "needs pairs"),
        ({"replace": {" UTC$": ""}}, "needs pairs"),
    ],
)
def test_cleaning_that_cannot_work_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Clean(**wrong)  # type: ignore[arg-type]
