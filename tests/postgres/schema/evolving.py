"""Random pairs of catalogues, and the checks of a change from one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import psycopg2
from hypothesis import strategies as st
from pydantic import BeforeValidator, Field

from dataforge.postgres import ddl
from dataforge.postgres.roles import OWNER
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.columns import (
    Count,
    Double,
    Exact,
    HexId,
    Integer,
    Key,
    Label,
    References,
    Text,
    Timestamp,
)
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from functions.schema.apply.dataset import apply_dataset
from functions.schema.apply.subject import Outcome
from functions.schema.difference import expected_dataset, shapes
from functions.schema.doctor.tables import dataset_findings

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


Bigint = Annotated[int, BeforeValidator(Integer.__metadata__[0].func), Field(ge=-(2**63), le=2**63 - 1)]

KINDS: dict[str, tuple[Any, str]] = {
    "integer": (Integer, "7"),
    "count": (Count, "7"),
    "bigint": (Bigint, "7"),
    "label": (Label, "seven"),
    "hex": (HexId, "0" * 31 + "7"),
    "choice": (Literal["seven", "eight"], "seven"),
    "narrow": (Literal["eight"], "eight"),
    "numeric(10,2)": (Annotated[Exact, Field(max_digits=10, decimal_places=2)], "7.25"),
    "numeric(12,2)": (Annotated[Exact, Field(max_digits=12, decimal_places=2)], "7.25"),
    "numeric(14,4)": (Annotated[Exact, Field(max_digits=14, decimal_places=4)], "7.25"),
    "text": (Text, ""),
    "double": (Double, "7.5"),
    "timestamp": (Timestamp, "2018-01-31 10:00:00"),
    "boolean": (bool, "t"),
}
"""Kinds of columns, with a valid value of each."""
KEYS = ["integer", "count", "bigint", "label", "hex", "choice", "numeric(10,2)", "numeric(12,2)"]


@dataclass(frozen=True)
class Declared:
    """A column: its kind, whether it may be NULL, is part of the key, and references items."""

    name: str
    kind: str
    nullable: bool = False
    key: bool = False
    reference: bool = False


Tables = dict[str, list[Declared]]


@st.composite
def catalogues(draw: st.DrawFn) -> Tables:
    """Items and optionally orders that reference them, with a few other columns in any order."""
    key = draw(st.sampled_from(KEYS))
    tables = {"items": draw(columns("item", key, other_key=draw(st.integers(0, 5)) == 0))}
    if draw(st.integers(0, 5)):
        tables["orders"] = draw(columns("number", draw(st.sampled_from(KEYS)), other_key=False))
        if draw(st.integers(0, 3)) and sum(c.key for c in tables["items"]) == 1:
            reference = Declared("item", key, nullable=draw(st.booleans()), reference=True)
            tables["orders"].insert(draw(st.integers(0, len(tables["orders"]))), reference)
    return tables


@st.composite
def columns(draw: st.DrawFn, key: str, kind: str, *, other_key: bool) -> list[Declared]:
    """A key column and up to three others."""
    found = [Declared(key, kind, key=True)]
    if other_key:
        found.append(Declared("part", draw(st.sampled_from(KEYS)), key=True))
    for name in draw(st.lists(st.sampled_from(["part", "a", "b", "c"]), unique=True, max_size=3)):
        if name not in {c.name for c in found}:
            found.append(Declared(name, draw(st.sampled_from(list(KINDS))), draw(st.booleans())))
    return draw(st.permutations(found)) if draw(st.integers(0, 2)) == 0 else found


def dataset(tables: Tables) -> Dataset:
    """The dataset ``shop`` with these tables."""
    module = ModuleType("shop")
    for name, declared in tables.items():
        fields: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
        for column in declared:
            marks = [Key()] * column.key + [References("items")] * column.reference
            kind = KINDS[column.kind][0]
            kind = Annotated[kind, *marks] if marks else kind
            fields["__annotations__"][column.name] = kind | None if column.nullable else kind
            if column.nullable:
                fields[column.name] = None
        setattr(module, name.title(), type(name.title(), (Row,), fields, table=name))
    return read_dataset(module)


def fill(cursor: Cursor, tables: Tables, filled: set[str], *, nulls: bool) -> None:
    """Insert one row into each of the ``filled`` tables; with ``nulls``, every nullable column is NULL."""
    for name in (n for n in ("items", "orders") if n in filled and n in tables):
        if any(c.reference and not c.nullable for c in tables[name]) and "items" not in filled:
            continue
        values = [
            None if c.nullable and (nulls or (c.reference and "items" not in filled)) else KINDS[c.kind][1]
            for c in tables[name]
        ]
        names = Sql(", ").join(ident(c.name) for c in tables[name])
        marks = ", ".join(["%s"] * len(values))
        cursor.execute(f"INSERT INTO shop.{name} ({names}) VALUES ({marks})", values)


def rows(cursor: Cursor, table: Table) -> list[tuple[Any, ...]]:
    """The rows of the table, as texts."""
    cursor.execute(
        f"SELECT {Sql(', ').join(ident(c) + Sql('::text') for c in table.column_names)} FROM {ddl.qualified(table)}"
    )
    return list(cursor.fetchall())


def complete(cursor: Cursor, new: Dataset, outcome: Outcome) -> bool:
    """Do the work of the upkeep inside the transaction; False if rows violate a constraint."""
    for change in outcome.later:
        relation, name = f"{ident(change.dataset)}.{ident(change.table)}", ident(change.name)
        with attempt(cursor, psycopg2.IntegrityError) as failed:
            if change.kind == "validate":
                cursor.execute(f"ALTER TABLE {relation} VALIDATE CONSTRAINT {name}")
            else:
                cursor.execute(expected_dataset(cursor, new)[change.table].indexes[change.name])
        if failed:
            return False
    return True


def evolve(
    db: Connection, before: Tables, after: Tables, filled: set[str], *, nulls: bool, large_rows: int
) -> Iterator[str]:
    """Change from one catalogue to the other, check the result, and roll back; yields the refusals."""
    old, new = dataset(before), dataset(after)
    with db.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {OWNER}")
        start = Outcome()
        list(apply_dataset(cursor, old, start))
        assert not start.refusals
        fill(cursor, before, filled, nulls=nulls)
        stored = {name: len(rows(cursor, old.table(name))) for name in before}
        outcome = Outcome(large_rows)
        list(apply_dataset(cursor, new, outcome))
        if outcome.refusals:
            assert any(stored.values()), f"empty tables may change freely: {outcome.refusals}"
            assert all(text.startswith(tuple(f"shop.{name}" for name in after)) for text in outcome.refusals)
        else:
            if complete(cursor, new, outcome):
                have, want = shapes(cursor, "shop"), expected_dataset(cursor, new)
                assert {name: have[name] for name in want} == want
                findings = {f.code for f in dataset_findings(cursor, new)}
                assert findings <= {"undeclared_table"}
            assert {name: len(rows(cursor, new.table(name))) for name in after if name in before} == {
                name: count for name, count in stored.items() if name in after
            }
            again = Outcome(large_rows)
            assert list(apply_dataset(cursor, new, again)) == []
            assert again.refusals == []
    yield from outcome.refusals
