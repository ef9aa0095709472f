"""Table checks: the model, the bulk path and PostgreSQL decide alike, for every type."""

from __future__ import annotations

import json
import os
from collections import Counter
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataforge.bulk.table_checks import failing
from dataforge.errors import InvalidDeclaration
from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.records.validate import quote, validate
from dataforge.records.validate_many import validate_all
from dataforge.tables.catalogue import Table
from dataforge.tables.checks import OPERATORS, Check, Present
from dataforge.tables.columns import Integer, Json, Label, Text, Timestamp
from dataforge.tables.json_schema import row_schema
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from dataforge.tables.types.floats import DOUBLE, REAL
from dataforge.tables.types.numbers import BIGINT, SMALLINT, Numeric
from tests.postgres.test_types import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database


@pytest.fixture(scope="module")
def cursor(module_database: Database) -> Iterator[Cursor]:
    """A cursor on a database; each statement is a transaction."""
    db = module_database.connect("master")
    db.autocommit = True
    yield db.cursor()
    db.close()


def table_of(*checks: Check | Present, **columns: Any) -> Table:
    """A table with these columns, all nullable, and these checks."""
    fields: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
    for name, kind in columns.items():
        fields["__annotations__"][name] = kind | None
        fields[name] = None
    module = ModuleType("shop")
    vars(module)["Item"] = type("Item", (Row,), fields, table="items", checks=checks)
    return read_dataset(module).table("items")


PAIRS = [(case, case) for case in CASES]
_by_name = {case.kind.catalog: case for case in CASES}
PAIRS += [
    (_by_name[a.catalog], _by_name[b.catalog])
    for a, b in [(SMALLINT, BIGINT), (BIGINT, Numeric()), (Numeric(10, 2), Numeric()), (REAL, DOUBLE)]
]


def annotated(case: Case) -> Any:
    return Annotated[case.kind.python, case.kind]


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{a.kind.catalog}-{b.kind.catalog}" for a, b in PAIRS])
@settings(
    max_examples=int(os.environ.get("EXAMPLES", "3")),
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_model_bulk_path_and_postgresql_decide_a_comparison_alike(
    cursor: Cursor, pair: tuple[Case, Case], data: st.DataObject
) -> None:
    a, b = pair
    signs = ["=", "<>"] if "none" in (a.kind.order, b.kind.order) else list(OPERATORS)
    values = st.lists(st.tuples(st.none() | a.values, st.none() | b.values), min_size=1, max_size=4)
    rows = [
        (None if x is None else a.kind.text(x), None if y is None else b.kind.text(y))
        for x, y in data.draw(values)
    ]
    if a is b:
        rows += [(x, x) for x, _ in rows]
    for sign in signs:
        table = table_of(Check("x", sign, "y"), x=annotated(a), y=annotated(b))
        [(name, definition)] = [found for found in ddl.checks(table) if found[0] == table.checks[0].name]
        assert name == f"items_x_{OPERATORS[sign][0]}_y_check"
        holds = [_postgresql(cursor, table, definition, row) for row in rows]
        assert [table.checks[0].holds(row) for row in rows] == holds
        columns = [
            pa.array([None if v is None else quote(v) for v in column]) for column in zip(*rows, strict=True)
        ]
        assert failing(table, [column.cast(pa.string()) for column in columns]).tolist() == [
            not h for h in holds
        ]


def _postgresql(cursor: Cursor, table: Table, definition: str, row: tuple[str | None, ...]) -> bool:
    """Whether PostgreSQL accepts the row: a CHECK passes unless its condition is false."""
    columns = ", ".join(f"%s::{c.type.sql} AS {c.name}" for c in table.columns)
    condition = definition.removeprefix("CHECK ")
    cursor.execute(f"SELECT {condition} IS NOT FALSE FROM (SELECT {columns}) row", row)
    return bool(one_row(cursor)[0])


VISITS = table_of(
    Check("ended", ">=", "started"),
    Check("score", "<", value=100),
    Present("phone", "email"),
    started=Timestamp,
    ended=Timestamp,
    score=Integer,
    phone=Text,
    email=Text,
)
GOOD = {"started": "2020-01-01 10:00:00", "ended": "2020-01-01 10:00:00", "score": 99, "phone": "1"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, ""),
        ({"ended": None, "score": None}, ""),
        ({"ended": "2020-01-01 09:59:59.999999"}, "items_ended_ge_started_check: ended >= started"),
        ({"score": 100}, "items_score_lt_check: score < 100"),
        ({"phone": None}, "items_phone_email_present_check: one of phone, email is present"),
    ],
)
def test_rejection_names_the_check(change: dict[str, Any], name: str) -> None:
    record = {key: value for key, value in (GOOD | change).items() if value is not None}
    found = validate(VISITS, record, Counter())
    many = validate_all(VISITS, [GOOD, record, GOOD])
    if name:
        assert isinstance(found, list)
        assert [(v.code, v.column, name in v.message) for v in found] == [("check", None, True)]
        assert (many.positions, many.violations) == ([0, 2], {1: found})
    else:
        assert (many.positions, many.violations) == ([0, 1, 2], {})
    description = json.dumps(_schema(VISITS))
    assert "ended >= started; score < 100; one of phone, email is present" in description


def _schema(table: Table) -> Any:

    return row_schema(table)


def test_value_of_a_text_is_quoted_and_decided_by_bytes(cursor: Cursor) -> None:
    table = table_of(Check("x", "<", value="it's"), x=Text)
    [(_, definition)] = [found for found in ddl.checks(table) if found[0].endswith("_lt_check")]
    for text in ("a", "it's", "é", "IT"):
        assert table.checks[0].holds([text]) is _postgresql(cursor, table, definition, (text,))


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check("a", ">=", "startd"), "'startd', which is not a column (did you mean 'started'?)"),
        (Check("a", "=>", "b"), "operator '=>'; the operators are = <> < <= > >="),
        (Check("a", ">=", "name"), "compares integer with text"),
        (Check("a", ">="), "either another column or value"),
        (Check("a", ">=", "b", value=1), "either another column or value"),
        (Check("a", ">=", value="x"), "which is not integer"),
        (Check("j", "<", "j"), "have no order"),
        (Present("a"), "two columns or more"),
        ("a > b", "write Check("),
    ],
)
def test_wrong_check_is_refused_with_a_hint(check: Any, words: str) -> None:
    with pytest.raises(InvalidDeclaration) as raised:
        table_of(check, a=Integer, b=Integer, name=Label, started=Timestamp, j=Json)
    assert words in str(raised.value)


def test_long_names_of_checks_are_shortened_unambiguously() -> None:
    one, other = "a" * 30, "a" * 31
    table = table_of(Check(one, ">", other), Check(other, ">", one), **{one: Integer, other: Integer})
    names = [check.name for check in table.checks]
    assert len(set(names)) == 2
    assert all(len(name.encode()) <= 63 and name.endswith("_check") for name in names)
