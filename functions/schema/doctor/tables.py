"""Faults of tables: what distinguishes them from those that would be made today; and what runs left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

from dataforge.postgres.roles import OWNER
from dataforge.postgres.shadow import attempt, schema_of
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.dataset import undeclared_tables
from functions.schema.difference import (
    DISABLED,
    LEDGER,
    NOT_VALID,
    Shape,
    expected_dataset,
    expected_ledger,
    shapes,
)
from functions.schema.doctor.fault import Fault
from functions.schema.doctor.later import NOTHING, Later
from functions.schema.names import Convention

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def table_faults(cursor: Cursor) -> Iterator[Fault]:
    """Faults of the ledger's tables and of every dataset's."""
    later = Later.read(cursor)
    yield from later.faults()
    have, want = shapes(cursor, LEDGER), expected_ledger(cursor)
    yield from _schema_faults(LEDGER, have, want, later, closed=False)
    for dataset in DATASETS.values():
        yield from dataset_faults(cursor, dataset, later)


def dataset_faults(cursor: Cursor, dataset: Dataset, later: Later = NOTHING) -> Iterator[Fault]:
    """Every difference between a dataset's tables and the catalogue."""
    have, want = shapes(cursor, dataset.name), expected_dataset(cursor, dataset)
    yield from _schema_faults(dataset.name, have, want, later, closed=True)
    for table in undeclared_tables(have, want):
        name = f"{dataset.name}.{table}"
        detail = (
            f"The table {name} is no longer declared. No run reads or changes it, and it is not backed up."
        )
        quoted = Sql("{}.{}").format(ident(dataset.name), ident(table))
        yield Fault("undeclared_table", name, detail, by_hand=f"Declare it again, or: DROP TABLE {quoted}")


def _schema_faults(
    schema: str, have: dict[str, Shape], want: dict[str, Shape], later: Later, *, closed: bool
) -> Iterator[Fault]:
    for table, wanted in want.items():
        name = f"{schema}.{table}"
        if table not in have:
            yield Fault("missing_table", name, f"The table {name} does not exist.")
        elif have[table].kind not in ("r", "p"):
            by_hand = f"Give what is in its place another name (ALTER VIEW … RENAME TO …), then {schema} is completed."
            yield Fault("missing_table", name, f"{name} is not a table.", by_hand=by_hand)
        else:
            yield from _columns(name, have[table], wanted, closed=closed)
            waiting = later.names(schema, table)
            yield from _constraints(name, have[table], wanted, waiting)
            yield from _indexes(name, have[table], wanted, waiting)
            if closed:
                yield from _undeclared(name, have[table], wanted)


def _columns(name: str, have: Shape, want: Shape, *, closed: bool) -> Iterator[Fault]:
    for column, wanted in want.columns.items():
        found = have.columns.get(column)
        if found is None:
            yield Fault("missing_column", name, f"{name} lacks the column {column}.")
        elif found.type != wanted.type:
            quoted = ident(column)
            by_hand = (
                f"ALTER TABLE {name} ALTER COLUMN {quoted} TYPE {wanted.type} USING {quoted}::{wanted.type}"
            )
            yield Fault(
                "wrong_type", name, f"{name}.{column} is {found.type}, not {wanted.type}.", by_hand=by_hand
            )
        elif found.not_null != wanted.not_null:
            detail = f"{name}.{column} {'may' if wanted.not_null else 'may not'} be NULL."
            yield Fault("wrong_null", name, detail)
        elif not closed and found.default != wanted.default:
            detail = f"{name}.{column} has {found.default or 'no default'}, not {wanted.default or 'none'}."
            yield Fault("wrong_default", name, detail)
    here = [c for c in have.columns if c in want.columns]
    strange = [c for c in have.columns if c not in want.columns]
    if closed and (strange or here != [c for c in want.columns if c in have.columns]):
        detail = (
            f"The columns of {name} are not the catalogue's{': ' if strange else ''}{', '.join(strange)}."
        )
        yield Fault("wrong_columns", name, detail, by_hand="Deploy again; its error names the difference.")


def _constraints(name: str, have: Shape, want: Shape, waiting: set[str]) -> Iterator[Fault]:
    for constraint, wanted in want.constraints.items():
        found = have.constraints.get(constraint)
        if found is None:
            yield Fault("missing_constraint", name, f"{name} lacks the constraint {constraint}.")
        elif found == wanted + DISABLED:
            yield Fault(
                "disabled_trigger", name, f"The triggers that enforce {constraint} of {name} are disabled."
            )
        elif found == wanted + NOT_VALID and constraint in waiting:
            continue
        elif found == wanted + NOT_VALID:
            yield Fault(
                "not_valid", name, f"Old rows of {name} were never checked against {constraint} (NOT VALID)."
            )
        elif found != wanted:
            detail = f"The constraint {constraint} of {name} is {found}, not {wanted}."
            yield Fault("wrong_constraint", name, detail)


def _indexes(name: str, have: Shape, want: Shape, waiting: set[str]) -> Iterator[Fault]:
    for index, wanted in want.indexes.items():
        found = have.indexes.get(index)
        if index in waiting:
            continue
        if found is None:
            yield Fault("missing_index", name, f"{name} lacks the index {index}.")
        elif found != wanted:
            yield Fault("wrong_index", name, f"The index {index} of {name} is {found}, not {wanted}.")


def _undeclared(name: str, have: Shape, want: Shape) -> Iterator[Fault]:
    """What an earlier catalogue had Data Forge make. Under other names it is an owner's, and no fault."""
    convention = Convention(name.partition(".")[2], [*have.columns, *want.columns])
    for constraint, found in have.constraints.items():
        if constraint not in want.constraints and convention.is_constraint(constraint):
            detail = f"{name} has the constraint {constraint}, which is no longer declared: {found}."
            yield Fault("undeclared_constraint", name, detail)
    for index in have.indexes:
        if index not in want.indexes and convention.is_index(index, have.constraints):
            yield Fault(
                "undeclared_index", name, f"{name} has the index {index}, which is no longer declared."
            )


_LEFT_OVER = """
    SELECT nspname, (SELECT array_agg(run) FROM (
        SELECT migration_id FROM dataforge.migrations
        WHERE status = 'running' OR finished_at > now() - interval '7 days'
        UNION ALL SELECT unnest(ARRAY[restore_id, restore_id || '-kept']) FROM dataforge.restores
        WHERE status IN ('running', 'switched')) runs(run))
    FROM pg_namespace WHERE starts_with(nspname, 'shadow_') AND pg_get_userbyid(nspowner) = %s
      AND NOT EXISTS (SELECT FROM dataforge.leases l
                      WHERE NOT EXISTS (SELECT FROM dataforge.migrations m WHERE m.execution = l.execution)) ORDER BY 1
"""
"""While somebody other than a migration holds a lease, a shadow may be his. One statement, so that a run that ends
meanwhile is seen before or after, not in between."""


def left_over_faults(cursor: Cursor) -> Iterator[Fault]:
    """Schemas of shadows of no run, or of a migration that ended over seven days ago: until then it may be resumed.

    What is in them was never published. What a restore replaced is kept until its safety backup is written.
    """
    with attempt(cursor, UndefinedTable, UndefinedColumn, InsufficientPrivilege) as failed:
        cursor.execute(_LEFT_OVER, (OWNER,))
        found = cursor.fetchall()
    if failed:
        # The ledger itself is broken, which is told already; nobody knows then what is running.
        return
    for schema, running in found:
        if schema not in map(schema_of, running or ()):
            detail = f"The schema {schema} is left over: no run that goes on, or may be resumed, has it."
            yield Fault(
                "left_over", schema, detail, by_hand=Sql("DROP SCHEMA {} CASCADE").format(ident(schema))
            )
