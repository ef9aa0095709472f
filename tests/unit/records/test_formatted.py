"""Values in declared formats are validated by columns as the row model validates them, with equal counts of changes."""

from __future__ import annotations

from collections import Counter
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge import Clean, Double, HexId, Integer, Key, Money, Name, Row, Text, Timestamp
from dataforge.bulk.canonical import canonical
from dataforge.records.validate import quote, rewrite, validate
from dataforge.tables.modules import read_dataset
from dataforge.tables.value_formats import Format

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Table

FORMATS = {
    "decimal": Format(decimal=",", thousands=".", symbols=("€", "-"), null=("9,99", "x")),
    "comma": Format(decimal=",", null=("1,5",)),
    "point": Format(thousands="'", symbols=("€",)),
    "dates": Format(dates=("%d/%m/%Y %H:%M:%S", "%d/%m/%Y"), null=("01/01/2000",), decimal=","),
    "american": Format(dates=("%m%d%Y", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M")),
    "short": Format(dates=("%d.%m.%y", "%d.%m.%Y")),
    "utc": Format(dates="%d/%m/%Y %H:%M:%S%z"),
    "epoch": Format(epoch="s", null=("", "0")),
}

DAYS = st.sampled_from(["1", "01", "29", "30", "31", "32", "00", "1a"])
PARTS = st.tuples(DAYS, DAYS, st.sampled_from(["2000", "2001", "0000", "0100", "20", "9999"]))
CLOCKS = st.sampled_from(["", " 10:20:30", " 1:20:30", " 25:00:00", " 23:59:59", "\t10:20:30", " 10:20"])
MOMENTS = st.builds(
    lambda parts, mark, clock, turned: mark.join(parts[::-1] if turned else parts) + clock,
    PARTS,
    st.sampled_from(["/", ".", "-", ""]),
    CLOCKS,
    st.booleans(),
)
NUMBERS = st.text(st.sampled_from("0015,.,.'-+e€ "), max_size=8)
PLAIN = st.builds(
    "{}{}{}".format,
    st.integers(0, 2000),
    st.sampled_from([",", ".", ""]),
    st.sampled_from(["5", "50", "05", ""]),
)
TEXTS = st.sampled_from(
    ["x", " x", "9,99", "1,5", "a" * 32, "A" * 32, "a,b", 'q"', "", "01/01/2000", "0", " 01/01/2000"]
)
VALUES = st.lists(st.none() | MOMENTS | NUMBERS | PLAIN | TEXTS, min_size=1, max_size=8)


@pytest.fixture(scope="module", params=FORMATS)
def table(request: pytest.FixtureRequest) -> Table:
    """A table whose columns have the format."""

    class Value(Row, table="values_read", file="values_read.csv"):
        """Values of the types that have a shortcut, and of others."""

        number: Annotated[Integer, Key()]
        moment: Timestamp | None = None
        price: Money | None = None
        place: Double | None = None
        identifier: HexId | None = None
        name: Name | None = None
        text: Text | None = None
        code: Annotated[Text, Clean(upper=True, collapse=True)] | None = None

    module = ModuleType("formatted")
    vars(module).update(Value=Value, VALUE_FORMAT=FORMATS[request.param])
    return read_dataset(module).table("values_read")


@settings(max_examples=20)
@given(values=VALUES)
def test_columns_in_a_format_equal_the_row_model(table: Table, values: list[str | None]) -> None:
    for column in table.columns[1:]:
        # An empty field of a file is NULL unless its dialect declares otherwise.
        raw = [value or None for value in values]
        cleanings, counted = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        expected: list[Any] = []
        for value in raw:
            record = {"number": "1"} if value is None else {"number": "1", column.name: value}
            row = validate(table, rewrite(table, record, Counter()), Counter())
            expected.append(row if isinstance(row, list) else row[table.column_names.index(column.name)])
            if not isinstance(row, list):
                validate(table, rewrite(table, record, cleanings), cleanings)
        found = canonical(column, pa.array(raw, pa.string()), has_nul=False)
        bad = found.bad()
        wrong = np.zeros(len(raw), np.bool_) if bad is None else bad
        assert wrong.tolist() == [isinstance(row, list) for row in expected]
        texts = [None if skip else text for text, skip in zip(found.quoted.to_pylist(), wrong, strict=True)]
        quoted = [None if row is None or isinstance(row, list) else quote(row) for row in expected]
        assert [_in_row(text, column.type.quoting) for text in texts] == [
            _in_row(t, column.type.quoting) for t in quoted
        ]
        found.count(column.name, ~wrong, counted)
        assert counted == cleanings


def _in_row(text: str | None, quoting: str) -> str | None:
    return text if text is None or quoting != "always" else '"' + text.strip('"') + '"'
