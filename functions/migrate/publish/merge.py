"""Merge a run's rows into tables that hold other rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import psycopg2

from dataforge.errors import TargetChanged, TargetRejectsRows
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.identity import advance
from dataforge.postgres.owner_rules import is_lost_parent, is_taken, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.row_identity import on_key, same_key, same_row
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.postgres.unwritten import is_unwritten
from dataforge.tables.catalogue import Table
from functions.migrate.run.copies import insert_missing_copies, stored_copies
from functions.migrate.run.ledger import Resolved, read_resolved, store_resolved
from functions.migrate.run.migration import MERGE, Run, read_run
from functions.migrate.run.stored_rows import undo_rebuild
from functions.migrate.run.whole_tables import allow_memory, stores_as_given

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


RESOLVE_LIMIT = 5
"""How often a table is resolved again. If it still differs then, something in the table keeps rows out."""


def merge(cursor: Cursor, run: Run) -> None:
    """Insert the new rows, parents first, and check that every row of the shadows is stored.

    In a run that updates, a stored row takes the values of the run's row with its key. The key and the rows that refer to
    it stay. Updates come last: their locks then delay other writers for the shortest time. Those of unique columns that
    other tables refer to precede the rows of these tables.
    Raises ``TargetChanged``, or ``TargetRejectsRows`` if a constraint, trigger or rule of the owner refuses a row.
    """
    chosen = {table.name: table for table in run.tables}
    # The order in which batches lock a dataset's tables. Another order could deadlock.
    tables = [chosen[name] for wave in run.dataset.waves() for name in wave if name in chosen]
    resolved = {table.name: _read_resolved(cursor, run, table) for table in tables}
    if any(found.mode != run.mode for found in resolved.values()):
        raise TargetChanged("A table could not be rebuilt; merging the rows of all tables.")
    allow_memory(cursor)
    try:
        _merge_tables(cursor, run, tables, resolved)
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
    updated = [table for table in tables if resolved[table.name].updated]
    early = [table for table in updated if _is_parent_by_unique_columns(table, tables)]
    proven = {table.name: _is_proven(cursor, table, resolved[table.name]) for table in tables}
    for table in tables:
        _insert_table(cursor, run, table, resolved[table.name], proven=proven[table.name])
        if table in early:
            _update_table(cursor, run, table, resolved[table.name], proven=proven[table.name])
    for table in updated:
        if table not in early:
            _update_table(cursor, run, table, resolved[table.name], proven=proven[table.name])
    for table in tables:
        advance(cursor, table)
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _is_proven(cursor: Cursor, table: Table, resolved: Resolved) -> bool:
    """Whether no row that is to stay as it is was written since it was compared. Rows are not locked meanwhile either."""
    if not resolved.unchanged:
        return True
    return resolved.state is not None and is_unwritten(cursor, table, resolved.state)


def _is_parent_by_unique_columns(table: Table, tables: list[Table]) -> bool:
    """Whether a reference leads to columns of the table that an update may change."""
    keys = (key for child in tables for key in child.foreign_keys if key.parent == table.name)
    return any(key.parent_columns != table.key and not key.deferrable for key in keys)


def _insert_table(cursor: Cursor, run: Run, table: Table, resolved: Resolved, *, proven: bool) -> None:
    """Insert the rows that the table lacks. ``proven``: the unchanged rows are as they were when they were compared."""
    expected = resolved.rows - resolved.unchanged - resolved.updated
    inserted = _insert(cursor, run, table) if expected else 0
    if not resolved.updated:
        _check(cursor, run, table, resolved, as_resolved=inserted == expected, proven=proven)
    elif inserted != expected:
        raise _changed(table, resolved, expected - inserted)


def _insert(cursor: Cursor, run: Run, table: Table) -> int:
    """Insert the rows in the order of the key, so that neighbours in its index are written together."""
    if table.is_multiset:
        return insert_missing_copies(cursor, run, table)
    cursor.execute(
        Sql(
            "INSERT INTO {live} ({columns}) SELECT {columns} FROM {shadow} s"
            " WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key}) ORDER BY {key} ON CONFLICT ({key}) DO NOTHING"
        ).format(
            live=ddl.qualified(table),
            columns=ddl.columns_sql(table),
            shadow=run.shadow(table),
            same_key=same_key(table, "s", "l"),
            key=on_key(table),
        )
    )
    return cursor.rowcount


def _update_table(cursor: Cursor, run: Run, table: Table, resolved: Resolved, *, proven: bool) -> None:
    """Give stored rows the values of the run's rows with the same keys."""
    others = [ident(name) for name in table.column_names if name not in table.key]
    cursor.execute(
        Sql("UPDATE {} l SET {} FROM {} s WHERE {} AND NOT ({})").format(
            ddl.qualified(table),
            Sql(", ").join(Sql("{name} = s.{name}").format(name=name) for name in others),
            run.shadow(table),
            same_key(table, "s", "l"),
            same_row(table, "s", "l"),
        )
    )
    as_resolved = cursor.rowcount == resolved.updated
    _check(cursor, run, table, resolved, as_resolved=as_resolved, proven=proven)


def _check(
    cursor: Cursor, run: Run, table: Table, resolved: Resolved, *, as_resolved: bool, proven: bool
) -> None:
    """Check that the table has the run's rows with the run's values.

    The statements' own counts prove it for the rows that they wrote, unless code of the owner changes rows.
    """
    if as_resolved and proven and stores_as_given(cursor, table):
        return
    missing = resolved.rows - _stored_rows(cursor, run, table)
    if missing or not as_resolved:
        raise _changed(table, resolved, missing)


def _changed(table: Table, resolved: Resolved, missing: int) -> TargetChanged | TargetRejectsRows:
    if resolved.again >= RESOLVE_LIMIT:
        return TargetRejectsRows(
            f"{ddl.qualified(table)}: {missing} of {resolved.rows} rows were changed or rejected. Nothing was published.",
            f"The rows were resolved again {resolved.again} times.",
            "Check the triggers and rules of the table.",
        )
    return TargetChanged(f"{table.name} was changed since the run was resolved; resolving it again.")


def _stored_rows(cursor: Cursor, run: Run, table: Table) -> int:
    """The number of the run's rows that the table has."""
    if table.is_multiset:
        return stored_copies(cursor, run, table).total()
    cursor.execute(
        Sql("SELECT count(*) FROM {} s JOIN {} l ON {} WHERE {}").format(
            run.shadow(table), ddl.qualified(table), same_key(table, "s", "l"), same_row(table, "s", "l")
        )
    )
    return int(one_row(cursor)[0])


def resolve_again(db: Connection, run_id: str) -> None:
    """Switch the run to merging and mark its tables for resolving again."""
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        undo_rebuild(cursor, run, run.tables)
        for table in run.tables:
            resolved = read_resolved(cursor, run_id, table.name, lock=True)
            if resolved is not None:
                again = resolved.model_copy(update={"mode": "", "again": resolved.again + 1})
                store_resolved(cursor, run_id, table.name, again)
        cursor.execute(
            "UPDATE dataforge.migrations SET mode = %s, rebuilds = false WHERE migration_id = %s",
            (MERGE, run_id),
        )
