"""Complete a shadow that is to replace its table, while the table is in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.errors import DamagedBackup, DiskFull, TargetRejectsRows, Temporary, WouldOrphan
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import database_error, transaction
from dataforge.postgres.owner_rules import is_raised, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.runs import leases
from dataforge.tables.catalogue import Table
from functions.restore.run import Run, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


SORT_MEMORY = Sql("256MB")
"""Memory for building an index; with PostgreSQL's default of 64 MB, a million rows are sorted on disk."""


def build(db: Connection, run_id: str, table_name: str) -> dict[str, str]:
    """Give the shadow its key, checks, indexes, comments and statistics.

    One transaction. Idempotent. Raises ``DamagedBackup``, ``TargetRejectsRows``.
    """
    with translated_violations(), transaction(db, role=RESTORE_RUN) as cursor:
        run, table = _leased(cursor, run_id, table_name)
        cursor.execute(
            # The primary key, or the index on whole rows.
            "SELECT FROM pg_index WHERE indrelid = %s::regclass",
            (run.shadow(table),),
        )
        if cursor.fetchone() is not None:
            return {}
        cursor.execute(Sql("SET LOCAL maintenance_work_mem = '{}'").format(SORT_MEMORY))
        if not _has_most_rows(cursor, run, table):
            cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        if not shadow.add_keys(cursor, table, run.id):
            raise DamagedBackup(run.backup_id, [f"rows of {table.name} have the same key or unique value"])
        shadow.finish(cursor, table, run.id)
    return {}


def _has_most_rows(cursor: Cursor, run: Run, table: Table) -> bool:
    """Whether most restored rows are in this table, so that its parallel workers do not slow down the other tables."""
    cursor.execute(
        'SELECT 2 * max(rows) FILTER (WHERE "table" = %s) > sum(rows) FROM dataforge.restore_tables WHERE restore_id = %s',
        (table.name, run.id),
    )
    return bool(one_row(cursor)[0])


def link(db: Connection, run_id: str, table_name: str) -> dict[str, str]:
    """Give the shadow its foreign keys to other shadows, which are complete. Idempotent. Raises ``WouldOrphan``.

    They are created NOT VALID and then validated, so that the children of one parent do not wait for each other. Those to
    tables outside the restore are created by ``swap``: here they would block the writers of these tables.
    """
    with transaction(db, role=RESTORE_RUN) as cursor:
        run, table = _leased(cursor, run_id, table_name)
        keys = [key for key in table.foreign_keys if run.has(key.parent)]
        if table.circular_keys:
            _lock_circle(cursor, run, table)
        for key in keys:
            name = ident(key.name)
            definition = Sql("{} NOT VALID").format(ddl.foreign_key(key, run.schema))
            cursor.execute(
                Sql(
                    "ALTER TABLE {shadow} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} {definition}"
                ).format(shadow=run.shadow(table), name=name, definition=definition)
            )
    for key in keys:
        with translated_violations(), transaction(db, role=RESTORE_RUN) as cursor:
            cursor.execute(
                Sql("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(run.shadow(table), ident(key.name))
            )
    return {}


def _lock_circle(cursor: Cursor, run: Run, table: Table) -> None:
    """Lock the shadows of a circle in one order: each foreign key locks two of them."""
    circle = [t for t in run.tables if t.name in run.dataset.circle(table.name)]
    names = Sql(", ").join(run.shadow(t) for t in sorted(circle, key=lambda t: t.name))
    cursor.execute(Sql("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))


def _leased(cursor: Cursor, run_id: str, table_name: str) -> tuple[Run, Table]:
    """The run, and its table, on which it still has the lease."""
    run = read_run(cursor, run_id)
    table = run.dataset.table(table_name)
    leases.hold(cursor, run.execution, run.dataset.name, [table.name])
    return run, table


@contextmanager
def translated_violations() -> Iterator[None]:
    """Translate a violation of a constraint, trigger or rule to ``TargetRejectsRows`` or ``WouldOrphan``, which name it."""
    try:
        yield
    except (psycopg2.Error, Temporary, DiskFull) as caught:
        error = database_error(caught)
        if error is None or refusal(error) is None:
            raise
        if isinstance(error, psycopg2.errors.ForeignKeyViolation) and not is_raised(error):
            raise WouldOrphan([describe(error)]) from None
        raise TargetRejectsRows(f"{describe(error)}. Nothing was restored.") from None
