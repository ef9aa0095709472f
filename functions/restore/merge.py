"""Change tables row by row: for few rows, and for tables that differ from the catalogue.

Views, grants, triggers and indexes are unchanged, and readers with an older snapshot still see the old rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.errors import TargetRejectsRows
from dataforge.postgres import ddl
from dataforge.postgres.identity import advance
from dataforge.postgres.owner_rules import is_taken
from dataforge.postgres.rows import one_row
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.runs.results.restore import Figures
from dataforge.tables.catalogue import Table
from functions.restore.constraints import without_unique_constraints
from functions.restore.difference import count_copies, difference, find_difference
from functions.restore.replaced import (
    can_revert,
    copy_replaced_rows,
    copy_table,
    drop_constraints,
    move_shadow,
    revert_rows,
)
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def merge(cursor: Cursor, run: Run, figures: dict[str, Figures]) -> None:
    """Preserve the tables, and change the rows that ``find_difference`` found and counted in ``figures``.

    The caller has locked the tables against writers. Raises ``TargetRejectsRows`` if a table does not accept the rows of
    the backup.
    """
    reverted = [table for table in run.tables if can_revert(cursor, run, table)]
    for table in run.tables:
        if table not in reverted:
            cursor.execute(copy_table(run, table))
        elif figures[table.name].differing:
            cursor.execute(copy_replaced_rows(run, table))
    with attempt(cursor, psycopg2.errors.UniqueViolation) as failed:
        _change_rows(cursor, run, figures)
    if failed:
        if not any(is_taken(table, failed[0]) for table in run.tables):
            raise failed[0]
        with without_unique_constraints(cursor, run):
            _change_rows(cursor, run, figures)
    for statement in drop_constraints(cursor, run):
        cursor.execute(statement)
    for table in run.tables:
        advance(cursor, table)
        if table in reverted:
            _revert(cursor, run, table, figures[table.name])
        else:
            _check_equal(cursor, run, table)


def _revert(cursor: Cursor, run: Run, table: Table, counts: Figures) -> None:
    """Make the shadow the replaced table."""
    if counts.differing:
        cursor.execute(revert_rows(run, table))
    cursor.execute(move_shadow(run, table))


def _change_rows(cursor: Cursor, run: Run, figures: dict[str, Figures]) -> None:
    circular = any(table.circular_keys for table in run.tables)
    if circular:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    for word, table, statement in changes(run):
        _execute(cursor, table, statement, getattr(figures[table.name], word))
    if circular:
        _check_deferred(cursor, run)


def changes(run: Run) -> Iterator[tuple[str, Table, Sql]]:
    """The figure, the table and the statement of each change of rows, in order."""
    parents_first = [
        run.dataset.table(name) for wave in run.dataset.waves(t.name for t in run.tables) for name in wave
    ]
    removals: list[tuple[str, Table, Sql]] = []
    for table in parents_first:
        *before, after = changes_of(run, table)
        yield from ((word, table, statement) for word, statement in before)
        removals.insert(0, (after[0], table, after[1]))
    yield from removals


def changes_of(run: Run, table: Table) -> list[tuple[str, Sql]]:
    """The figure and the statement of each change of a table's rows, in order."""
    return [
        ("added", _insert(run, table)),
        ("changed", _update(run, table)),
        ("removed", _delete(run, table)),
    ]


def _check_deferred(cursor: Cursor, run: Run) -> None:
    """Check the deferred constraints of the tables now.

    ``ALL`` would include the one that requires suspended constraints, which are created and checked later.
    """
    cursor.execute(
        "SELECT format('%%I.%%I', nspname, conname) FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace"
        " WHERE conrelid = ANY(%s::regclass[]) AND condeferrable",
        ([ddl.qualified(table) for table in run.tables],),
    )
    if names := [from_catalog(name) for (name,) in cursor.fetchall()]:
        cursor.execute(Sql("SET CONSTRAINTS {} IMMEDIATE").format(Sql(", ").join(names)))


def _execute(cursor: Cursor, table: Table, statement: Sql, expected: int) -> None:
    if not expected:
        return
    cursor.execute(statement)
    if cursor.rowcount != expected:
        raise only_some_changed(table, cursor.rowcount, expected)


def only_some_changed(table: Table, changed: int, expected: int) -> TargetRejectsRows:
    """The error for a table in which triggers or rules prevented changes."""
    return TargetRejectsRows(
        f"{table.dataset}.{table.name}: only {changed} of {expected} rows were changed. Nothing was restored.",
        hint="Check the triggers and rules of the table.",
    )


def differs(table: Table, rows: str) -> TargetRejectsRows:
    """The error for a table that differs from the backup after the changes. ``rows``: their numbers."""
    return TargetRejectsRows(
        f"{table.dataset}.{table.name} differs from the backup after its rows were restored. Nothing was restored.",
        rows,
        "Check the key, the triggers and the rules of the table; `dataforge doctor` reports a missing key.",
    )


def _insert(run: Run, table: Table) -> Sql:
    columns = Sql(", ").join(Sql("s.{}").format(ident(c)) for c in table.column_names)
    return Sql(
        "INSERT INTO {} ({}) SELECT {} FROM {} d JOIN {} s ON s.ctid = d.source WHERE d.place IS NULL"
    ).format(ddl.qualified(table), ddl.columns_sql(table), columns, difference(run, table), run.shadow(table))


def _update(run: Run, table: Table) -> Sql:
    columns = Sql(", ").join(Sql("{} = s.{}").format(ident(c), ident(c)) for c in table.column_names)
    return Sql(
        "UPDATE {table} l SET {columns}"
        " FROM {difference} d JOIN {shadow} s ON s.ctid = d.source WHERE l.ctid = d.place"
    ).format(
        table=ddl.qualified(table),
        columns=columns,
        difference=difference(run, table),
        shadow=run.shadow(table),
    )


def _delete(run: Run, table: Table) -> Sql:
    return Sql("DELETE FROM {} l USING {} d WHERE l.ctid = d.place AND d.source IS NULL").format(
        ddl.qualified(table), difference(run, table)
    )


def _check_equal(cursor: Cursor, run: Run, table: Table) -> None:
    """Raises ``TargetRejectsRows`` if triggers or rules changed rows, or rows share a key: it must equal the backup."""
    remaining = find_difference(cursor, run, table)
    if remaining.differing:
        rows = (
            f"Rows: {remaining.added} missing, {remaining.removed} additional, {remaining.changed} different."
        )
        raise differs(table, rows)
    cursor.execute(count_copies(run, table))
    if copies := one_row(cursor)[0]:
        raise differs(table, f"Rows: {copies} additional, which have the key of another row.")
