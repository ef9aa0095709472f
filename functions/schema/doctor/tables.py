"""Findings about tables that differ from their declaration, and about schemas that remain from ended runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

from dataforge.defaults import SHADOW_DAYS
from dataforge.postgres.roles import OWNER
from dataforge.postgres.shadow import PREFIX, REPLACED, attempt, schema_of
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.created import declared_names, read_created
from functions.schema.apply.dataset import undeclared_tables
from functions.schema.difference import (
    DISABLED,
    LEDGER,
    LEDGER_TABLES,
    NOT_VALID,
    Shape,
    expected_dataset,
    expected_ledger,
    shapes,
)
from functions.schema.doctor.finding import Finding
from functions.schema.doctor.later import NOTHING, Later
from functions.schema.names import Convention

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

_TEXT = re.compile("'(?:[^']|'')*'")


def table_findings(cursor: Cursor) -> Iterator[Finding]:
    """Findings about the tables of the ledger and of every dataset."""
    later = Later.read(cursor)
    yield from later.findings()
    have = shapes(cursor, LEDGER)
    want = {name: shape for name, shape in expected_ledger(cursor).items() if name in LEDGER_TABLES}
    yield from _schema_findings(cursor, LEDGER, have, want, later, closed=False)
    for dataset in DATASETS.values():
        yield from dataset_findings(cursor, dataset, later)


def dataset_findings(cursor: Cursor, dataset: Dataset, later: Later = NOTHING) -> Iterator[Finding]:
    """Every difference between a dataset's tables and the catalogue."""
    have, want = shapes(cursor, dataset.name), expected_dataset(cursor, dataset)
    yield from _schema_findings(cursor, dataset.name, have, want, later, closed=True)
    for table in undeclared_tables(have, want):
        name = f"{dataset.name}.{table}"
        detail = (
            f"The table {name} is no longer declared. No run reads or changes it, and it is not backed up."
        )
        quoted = Sql("{}.{}").format(ident(dataset.name), ident(table))
        yield Finding("undeclared_table", name, detail, hint=f"Declare it again, or: DROP TABLE {quoted}")


def _schema_findings(
    cursor: Cursor, schema: str, have: dict[str, Shape], want: dict[str, Shape], later: Later, *, closed: bool
) -> Iterator[Finding]:
    for table, wanted in want.items():
        name = f"{schema}.{table}"
        if table not in have:
            yield Finding("missing_table", name, f"The table {name} does not exist.")
        elif have[table].kind not in ("r", "p"):
            hint = f"Rename the object of this name (ALTER VIEW … RENAME TO …), then deploy to complete {schema}."
            yield Finding("missing_table", name, f"{name} is not a table.", hint=hint)
        else:
            yield from _columns(name, have[table], wanted, closed=closed)
            waiting = later.names(schema, table)
            yield from _constraints(name, have[table], wanted, waiting)
            yield from _indexes(name, have[table], wanted, waiting)
            if closed:
                created = read_created(cursor, schema, table)
                yield from _undeclared(name, have[table], wanted, created)


def _columns(name: str, have: Shape, want: Shape, *, closed: bool) -> Iterator[Finding]:
    for column, wanted in want.columns.items():
        found = have.columns.get(column)
        if found is None:
            yield Finding("missing_column", name, f"{name} lacks the column {column}.")
        elif found.type != wanted.type:
            quoted = ident(column)
            hint = (
                f"ALTER TABLE {name} ALTER COLUMN {quoted} TYPE {wanted.type} USING {quoted}::{wanted.type}"
            )
            yield Finding(
                "wrong_type", name, f"{name}.{column} is {found.type}, not {wanted.type}.", hint=hint
            )
        elif found.not_null != wanted.not_null:
            detail = f"{name}.{column} {'may' if wanted.not_null else 'may not'} be NULL."
            yield Finding("wrong_null", name, detail)
        elif ("IDENTITY" in found.default + wanted.default or not closed) and found.default != wanted.default:
            detail = f"{name}.{column} has {found.default or 'no default'}, not {wanted.default or 'none'}."
            yield Finding("wrong_default", name, detail)
    here = [c for c in have.columns if c in want.columns]
    strange = [c for c in have.columns if c not in want.columns]
    if closed and (strange or here != [c for c in want.columns if c in have.columns]):
        detail = (
            f"The columns of {name} are not the catalogue's{': ' if strange else ''}{', '.join(strange)}."
        )
        yield Finding("wrong_columns", name, detail, hint="Deploy again; the error names the difference.")


def _constraints(name: str, have: Shape, want: Shape, waiting: set[str]) -> Iterator[Finding]:
    for constraint, wanted in want.constraints.items():
        found = have.constraints.get(constraint)
        if found is None:
            yield Finding("missing_constraint", name, f"{name} lacks the constraint {constraint}.")
        elif found == wanted + DISABLED:
            yield Finding(
                "disabled_trigger", name, f"The triggers that enforce {constraint} of {name} are disabled."
            )
        elif found == wanted + NOT_VALID and constraint in waiting:
            continue
        elif found == wanted + NOT_VALID:
            yield Finding(
                "not_valid", name, f"Old rows of {name} were never checked against {constraint} (NOT VALID)."
            )
        elif found != wanted:
            detail = f"The constraint {constraint} of {name} is {found}, not {wanted}."
            yield Finding("wrong_constraint", name, detail)


def _indexes(name: str, have: Shape, want: Shape, waiting: set[str]) -> Iterator[Finding]:
    for index, wanted in want.indexes.items():
        found = have.indexes.get(index)
        if index in waiting:
            continue
        if found is None:
            yield Finding("missing_index", name, f"{name} lacks the index {index}.")
        elif found != wanted:
            yield Finding("wrong_index", name, f"The index {index} of {name} is {found}, not {wanted}.")


def own_objects(cursor: Cursor, datasets: Iterable[Dataset]) -> Iterator[dict[str, str]]:
    """Constraints and indexes that an owner added to declared tables. They are permitted, so they are not findings."""
    for dataset in datasets:
        have = shapes(cursor, dataset.name)
        for table in dataset.tables.values():
            if table.name in have:
                created = read_created(cursor, dataset.name, table.name)
                yield from _own(table, have[table.name], created.union(declared_names(table)))


def _own(table: Table, have: Shape, known: frozenset[str]) -> Iterator[dict[str, str]]:
    """The constraints and indexes whose names are neither known nor of the convention."""
    name = f"{table.dataset}.{table.name}"
    convention = Convention(table.name, [*have.columns, *table.column_names], known)
    for constraint, definition in have.constraints.items():
        if not convention.is_constraint(constraint):
            yield _described(name, constraint, definition)
    for index, printed in have.indexes.items():
        if not convention.is_index(index, have.constraints):
            yield _described(name, index, printed)


def _described(table: str, name: str, definition: str) -> dict[str, str]:
    """An owner's constraint or index. Texts in its definition may be values of records, and are not shown."""
    return {"object": table, "name": name, "definition": _TEXT.sub("'…'", definition)}


def _undeclared(name: str, have: Shape, want: Shape, created: frozenset[str]) -> Iterator[Finding]:
    """Constraints and indexes of an earlier catalogue. Those of an owner are not findings (see ``own_objects``)."""
    convention = Convention(name.partition(".")[2], [*have.columns, *want.columns], created)
    for constraint, found in have.constraints.items():
        if constraint not in want.constraints and convention.is_constraint(constraint):
            detail = f"{name} has the constraint {constraint}, which is no longer declared: {found}."
            yield Finding("undeclared_constraint", name, detail)
    for index in have.indexes:
        if index not in want.indexes and convention.is_index(index, have.constraints):
            yield Finding(
                "undeclared_index", name, f"{name} has the index {index}, which is no longer declared."
            )


_LEFT_OVER = """
    SELECT nspname, (SELECT array_agg(run) FROM (
        SELECT migration_id FROM dataforge.migrations
        WHERE status = 'running' OR finished_at > now() - make_interval(days => %s)
        UNION ALL SELECT unnest(ARRAY[restore_id, restore_id || %s]) FROM dataforge.restores
        WHERE status IN ('running', 'switched')) runs(run))
    FROM pg_namespace WHERE starts_with(nspname, %s) AND pg_get_userbyid(nspowner) = %s
      AND NOT EXISTS (SELECT FROM dataforge.leases l
                      WHERE NOT EXISTS (SELECT FROM dataforge.migrations m WHERE m.execution = l.execution)) ORDER BY 1
"""
"""While a run other than a migration holds a lease, a shadow may belong to it. One statement, to read a consistent state
if a run ends meanwhile."""


def left_over_findings(cursor: Cursor) -> Iterator[Finding]:
    """Shadow schemas without a run, or of a migration that ended more than ``SHADOW_DAYS`` ago and cannot be resumed.

    Their rows were never published. The tables that a restore replaced stay until its safety backup is written.
    """
    with attempt(cursor, UndefinedTable, UndefinedColumn, InsufficientPrivilege) as failed:
        cursor.execute(_LEFT_OVER, (SHADOW_DAYS, REPLACED, PREFIX, OWNER))
        found = cursor.fetchall()
    if failed:
        # The ledger is damaged, which another finding reports; then active runs are unknown.
        return
    for schema, running in found:
        if schema not in map(schema_of, running or ()):
            detail = f"The schema {schema} is left over: no active or resumable run uses it."
            yield Finding(
                "left_over", schema, detail, hint=Sql("DROP SCHEMA {} CASCADE").format(ident(schema))
            )
