"""Sequences of permitted changes of a table with rows: the tables of a new database, with the rows preserved."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataforge import BigInt, Integer, Key, Label, Numeric, References, Renamed, Row, SmallInt, Text, VarChar
from dataforge.postgres import ddl
from dataforge.postgres.roles import OWNER
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset
from dataforge.tables.modules import read_dataset
from functions.schema.apply.created import record_created
from functions.schema.apply.dataset import apply_dataset
from functions.schema.apply.subject import Outcome
from functions.schema.difference import expected_dataset, shapes

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor
    from tests.postgres.conftest import Database

pytestmark = pytest.mark.slow

WIDER: tuple[tuple[Any, ...], ...] = (
    (SmallInt, Integer, BigInt, Annotated[Decimal, Numeric(20, 0)], Annotated[Decimal, Numeric()]),
    (Annotated[str, VarChar(5)], Annotated[str, VarChar(9)], Text),
)
"""Types, each wider than the one before."""
CHANGES = ["add", "default", "widen", "relax", "rename", "table", "remove", "unique", "reference"]
ROWS = 3


@dataclass(frozen=True)
class Column:
    """A column: its family and position in ``WIDER``, and the marks that a change adds."""

    name: str
    family: int
    width: int = 0
    nullable: bool = False
    default: bool = False
    renamed: str = ""


@dataclass(frozen=True)
class State:
    """A catalogue, and the rows that its table must have, as texts."""

    table: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, str | None], ...]
    former: str = ""
    removed: tuple[str, ...] = ()
    unique: bool = False
    reference: bool = False
    number: int = 0


START = State(
    "games",
    (Column("a", 0), Column("b", 1), Column("c", 1, nullable=True)),
    tuple(
        {"id": str(n), "parent": "p", "a": str(n), "b": f"b{n}", "c": None if n else "c"} for n in range(ROWS)
    ),
)


def dataset(state: State) -> Dataset:
    """The dataset ``shop`` of a state."""

    class Parent(Row, table="parents"):
        code: Annotated[Label, Key()]

    parent: Any = Annotated[Label, References("parents")] if state.reference else Label
    fields: dict[str, Any] = {
        "__module__": __name__,
        "__annotations__": {"id": Annotated[Integer, Key()], "parent": parent},
    }
    for column in state.columns:
        kind = WIDER[column.family][column.width]
        if column.renamed:
            kind = Annotated[kind, Renamed(column.renamed)]
        fields["__annotations__"][column.name] = kind | None if column.nullable else kind
        if column.nullable:
            fields[column.name] = None
        elif column.default:
            fields[column.name] = (
                Decimal(5) if column.family == 0 and column.width > 2 else (5, "five")[column.family]
            )
    unique = (("id", "parent"),) if state.unique else ()
    model = type(
        "Game", (Row,), fields, table=state.table, renamed=state.former, removed=state.removed, unique=unique
    )
    module = ModuleType("shop")
    vars(module).update(Parent=Parent, Game=model)
    return read_dataset(module)


def change(state: State, kind: str, choice: int) -> State:
    """The state after a change of a column that ``choice`` selects."""
    number = state.number + 1
    state = replace(state, number=number)
    if kind in {"add", "default"}:
        new = Column(f"n{number}", choice % 2, nullable=kind == "add", default=kind == "default")
        value = None if kind == "add" else ("5", "five")[new.family]
        rows = tuple(row | {new.name: value} for row in state.rows)
        return replace(state, columns=(*state.columns, new), rows=rows)
    if kind == "table":
        return replace(state, table=f"games{number}", former=state.table, removed=())
    if kind == "unique":
        return replace(state, unique=not state.unique)
    if kind == "reference":
        return replace(state, reference=not state.reference)
    if not state.columns:
        return state
    old = state.columns[choice % len(state.columns)]
    if kind == "remove":
        rows = tuple({name: value for name, value in row.items() if name != old.name} for row in state.rows)
        columns = tuple(column for column in state.columns if column is not old)
        return replace(state, columns=columns, rows=rows, removed=(*state.removed, old.name))
    new = {
        "widen": replace(old, width=min(old.width + 1, len(WIDER[old.family]) - 1)),
        "relax": replace(old, nullable=True, default=False),
        "rename": replace(old, name=f"r{number}", renamed=old.name),
    }[kind]
    rows = tuple({new.name if n == old.name else n: v for n, v in row.items()} for row in state.rows)
    return replace(state, columns=tuple(new if c is old else c for c in state.columns), rows=rows)


def stored(cursor: Cursor, state: State) -> list[dict[str, Any]]:
    table = dataset(state).table(state.table)
    names = Sql(", ").join(ident(name) + Sql("::text") for name in table.column_names)
    cursor.execute(Sql("SELECT {} FROM {} ORDER BY id").format(names, ddl.qualified(table)))
    return [dict(zip(table.column_names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def evolving(module_database: Database) -> Connection:
    """The master's connection for all examples, each of which is rolled back."""
    return module_database.connect("master")


@settings(max_examples=int(os.environ.get("EXAMPLES", "1")), deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 9)), min_size=1, max_size=3), max_size=5
    )
)
@example([[("remove", 0), ("default", 0)], [("relax", 2)]])
@example([[("unique", 0)], [("table", 0), ("unique", 0)]])
def test_permitted_changes_result_in_the_tables_of_a_new_database_with_the_same_rows(
    evolving: Connection, deployments: list[list[tuple[str, int]]]
) -> None:
    state = START
    try:
        with evolving.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {OWNER}")
            list(apply_dataset(cursor, dataset(state), Outcome()))
            record_created(cursor, [dataset(state)])
            cursor.execute("INSERT INTO shop.parents VALUES ('p')")
            for row in state.rows:
                cursor.execute("INSERT INTO shop.games VALUES (%(id)s, %(parent)s, %(a)s, %(b)s, %(c)s)", row)
            for changes in deployments:
                for kind, choice in _separate(changes):
                    state = change(state, kind, choice)
                outcome = Outcome()
                list(apply_dataset(cursor, dataset(state), outcome))
                assert outcome.refusals == []
                record_created(cursor, [dataset(state)])
                have, want = shapes(cursor, "shop"), expected_dataset(cursor, dataset(state))
                assert have == want
                assert stored(cursor, state) == list(state.rows)
                again = Outcome()
                assert list(apply_dataset(cursor, dataset(state), again)) == []
    finally:
        evolving.rollback()


def _separate(changes: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The changes of one deployment: only one of them renames or drops, as a former name must be the deployed one.

    A column that is added with a default is not made nullable at once: its rows would have NULL, not the default.
    """
    if any(kind == "default" for kind, _ in changes):
        changes = [(kind, choice) for kind, choice in changes if kind != "relax"]
    chosen: list[tuple[str, int]] = []
    for kind, choice in changes:
        if kind in {"rename", "table", "remove"} and any(
            k in {"rename", "table", "remove", "add", "default"} for k, _ in chosen
        ):
            continue
        chosen.append((kind, choice))
    return chosen
