"""Merge a run's rows into tables that hold other rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2

from dataforge.errors import TargetChanged, TargetRejectsRows
from dataforge.postgres import ddl
from dataforge.postgres.identity import advance
from dataforge.postgres.owner_rules import is_lost_parent, is_taken, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.rows import one_row
from dataforge.postgres.unwritten import is_unwritten
from dataforge.tables.catalogue import Table
from functions.migrate.publish.merge_statements import (
    INSERT,
    changes,
    count_stored,
    insert_statement,
    update_statement,
)
from functions.migrate.run.known.proof import no_longer_known
from functions.migrate.run.ledger import Resolved, read_resolved
from functions.migrate.run.migration import KNOWN, Run
from functions.migrate.run.whole_tables import allow_memory, stores_as_given

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


RESOLVE_LIMIT = 5
"""How often a table is resolved again. If it still differs then, something in the table keeps rows out."""


def merge(cursor: Cursor, run: Run) -> None:
    """Insert the new rows, parents first, and check that every row of the shadows is stored.

    In a run that updates, a stored row takes the values of the run's row with its key. The key and the rows that refer to
    it stay. Updates come last: their locks then delay other writers for the shortest time. Those of unique columns that
    other tables refer to precede the rows of these tables.
    Raises ``TargetChanged``, or ``TargetRejectsRows`` if a constraint, trigger or rule of the owner refuses a row.
    """
    tables = in_order(run)
    resolved = read_all_resolved(cursor, run, tables)
    allow_memory(cursor)
    with translated_refusals(tables, resolved):
        _merge_tables(cursor, run, tables, resolved)


def in_order(run: Run) -> list[Table]:
    """The run's tables, parents first: the order in which batches lock a dataset's tables. Another could deadlock."""
    chosen = {table.name: table for table in run.tables}
    return [chosen[name] for wave in run.dataset.waves() for name in wave if name in chosen]


def read_all_resolved(cursor: Cursor, run: Run, tables: list[Table]) -> dict[str, Resolved]:
    """How each table was resolved. Raises ``TargetChanged`` if one was resolved for a swap."""
    resolved = {table.name: _read_resolved(cursor, run, table) for table in tables}
    if any(found.mode not in {run.mode, KNOWN} for found in resolved.values()):
        raise TargetChanged("A table could not be rebuilt; merging the rows of all tables.")
    return resolved


@contextmanager
def translated_refusals(tables: list[Table], resolved: Mapping[str, Resolved]) -> Iterator[None]:
    """Translate an error of a constraint, trigger or rule to ``TargetRejectsRows``, or ``TargetChanged`` if a row of others
    caused it."""
    try:
        yield
    except psycopg2.errors.FeatureNotSupported:
        raise TargetRejectsRows(
            "A table of the run has a rule on INSERT or UPDATE. Nothing was published.",
            hint="Replace the rule by a trigger. `dataforge doctor` shows the table.",
        ) from None
    except psycopg2.Error as error:
        if refusal(error) is None:
            raise
        if any(
            is_lost_parent(table, error) and resolved[table.name].again < RESOLVE_LIMIT for table in tables
        ):
            raise TargetChanged(
                "A parent row was deleted since the run was resolved; resolving it again."
            ) from None
        if any(is_taken(table, error) and resolved[table.name].again < RESOLVE_LIMIT for table in tables):
            raise TargetChanged(
                "A row with a unique value was stored since the run was resolved; resolving it again."
            ) from None
        raise TargetRejectsRows(f"{describe(error)}. Nothing was published.") from None


def _read_resolved(cursor: Cursor, run: Run, table: Table) -> Resolved:
    resolved = read_resolved(cursor, run.id, table.name)
    if resolved is None:
        raise RuntimeError(f"{table.name} was not resolved")
    return resolved


def _merge_tables(cursor: Cursor, run: Run, tables: list[Table], resolved: Mapping[str, Resolved]) -> None:
    if any(key.deferrable for table in tables for key in table.foreign_keys):
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    proven = {table.name: _is_proven(cursor, table, resolved[table.name]) for table in tables}
    if written := [name for name, found in resolved.items() if found.mode == KNOWN and not proven[name]]:
        raise no_longer_known(written)
    for change, table in changes(tables, resolved):
        change_table = _insert_table if change == INSERT else _update_table
        change_table(cursor, run, table, resolved[table.name], proven=proven[table.name])
    for table in tables:
        advance(cursor, table)
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _is_proven(cursor: Cursor, table: Table, resolved: Resolved) -> bool:
    """Whether no row that is to stay as it is was written since it was compared. Rows are not locked meanwhile either."""
    if not resolved.unchanged:
        return True
    return resolved.state is not None and is_unwritten(cursor, table, resolved.state)


def _insert_table(cursor: Cursor, run: Run, table: Table, resolved: Resolved, *, proven: bool) -> None:
    """Insert the rows that the table lacks. ``proven``: the unchanged rows are as they were when they were compared."""
    inserted = 0
    if resolved.new:
        cursor.execute(insert_statement(run, table))
        inserted = cursor.rowcount
    if not resolved.updated:
        _check(cursor, run, table, resolved, as_resolved=inserted == resolved.new, proven=proven)
    elif inserted != resolved.new:
        raise changed(table, resolved, resolved.new - inserted)


def _update_table(cursor: Cursor, run: Run, table: Table, resolved: Resolved, *, proven: bool) -> None:
    """Give stored rows the values of the run's rows with the same keys."""
    cursor.execute(update_statement(run, table))
    as_resolved = cursor.rowcount == resolved.updated
    _check(cursor, run, table, resolved, as_resolved=as_resolved, proven=proven)


def _check(
    cursor: Cursor, run: Run, table: Table, resolved: Resolved, *, as_resolved: bool, proven: bool
) -> None:
    """Check that the table has the run's rows with the run's values.

    The statements' own counts prove it for the rows that they wrote, unless code of the owner changes rows.
    """
    if resolved.mode == KNOWN or (as_resolved and proven and stores_as_given(cursor, table)):
        return
    cursor.execute(count_stored(run, table))
    missing = resolved.rows - int(one_row(cursor)[0])
    if missing or not as_resolved:
        raise changed(table, resolved, missing)


def changed(table: Table, resolved: Resolved, missing: int) -> TargetChanged | TargetRejectsRows:
    """The error for a table that lacks rows: they are resolved again, but not forever."""
    if resolved.again >= RESOLVE_LIMIT:
        return TargetRejectsRows(
            f"{ddl.qualified(table)}: {missing} of {resolved.rows} rows were changed or rejected. Nothing was published.",
            f"The rows were resolved again {resolved.again} times.",
            "Check the triggers and rules of the table.",
        )
    return TargetChanged(f"{table.name} was changed since the run was resolved; resolving it again.")
