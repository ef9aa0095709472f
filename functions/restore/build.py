"""Complete a shadow that is to replace its table, while the table is in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.errors import DamagedBackup, DiskFull, TargetRejectsRows, Temporary, WouldOrphan
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import database_error
from dataforge.postgres.owner_rules import is_raised, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.runs.step_names import RestoreStep
from dataforge.runs.unattended.work import Unattended
from dataforge.tables.catalogue import ForeignKey, Table
from functions.restore.run import Run
from functions.restore.step_cursor import step_cursor

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


SORT_MEMORY = Sql("256MB")
"""Memory for building an index; with PostgreSQL's default of 64 MB, a million rows are sorted on disk."""


def build(db: Connection, run_id: str, table_name: str, how: Unattended | None = None) -> dict[str, str]:
    """Give the shadow its key, checks, indexes, comments and statistics.

    Idempotent. Raises ``DamagedBackup``, ``TargetRejectsRows``, ``WorkContinues``.
    """
    with (
        translated_violations(),
        step_cursor(db, how, run_id, RestoreStep.BUILD, table_name) as (cursor, run),
    ):
        table = run.dataset.table(table_name)
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


def link(db: Connection, run_id: str, table_name: str, how: Unattended | None = None) -> dict[str, str]:
    """Give the shadow its foreign keys to other shadows, which are complete. Idempotent.

    Raises ``WouldOrphan``, ``WorkContinues``.

    They are created NOT VALID and then validated, so that the children of one parent do not wait for each other. Those to
    tables outside the restore are created by ``swap``: here they would block the writers of these tables.
    """
    with translated_violations():
        with step_cursor(db, how, run_id, RestoreStep.LINK, table_name) as (cursor, run):
            table = run.dataset.table(table_name)
            keys = [key for key in table.foreign_keys if run.has(key.parent)]
            if keys:
                cursor.execute(Sql("; ").join(_additions(run, table, keys)))
        for key in keys:
            step = f"{RestoreStep.LINK} {key.name}"
            with step_cursor(db, how, run_id, step, table_name) as (cursor, _):
                cursor.execute(
                    Sql("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(run.shadow(table), ident(key.name))
                )
    return {}


def _additions(run: Run, table: Table, keys: Iterable[ForeignKey]) -> Iterator[Sql]:
    """The statements that create the foreign keys."""
    if table.circular_keys:
        # In one order, because each foreign key locks two tables of the circle.
        circle = [t for t in run.tables if t.name in run.dataset.circle(table.name)]
        names = Sql(", ").join(run.shadow(t) for t in sorted(circle, key=lambda t: t.name))
        yield Sql("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names)
    for key in keys:
        yield Sql(
            "ALTER TABLE {shadow} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} {definition} NOT VALID"
        ).format(
            shadow=run.shadow(table),
            name=ident(key.name),
            definition=ddl.foreign_key(key, run.schema),
        )


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
