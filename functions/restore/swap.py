"""The switch: the tables become what the backup holds, in one transaction, and what they were is kept exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import psycopg2

from dataforge.errors import BackupRunning, Busy
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.roles import OWNER, REFILL
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import exclude_snapshots
from dataforge.postgres.sql import Sql, ident
from dataforge.postgres.visible_rows import require_sound, with_relatives
from dataforge.runs import leases
from functions.restore.build import refusals
from functions.restore.check_restored import note_figures
from functions.restore.compare import takes_away
from functions.restore.difference import count_difference, find_difference
from functions.restore.merge import merge
from functions.restore.references import check_children, check_parents, children, parents
from functions.restore.run import SWAP, Run, read_run
from functions.restore.swap_tables import exchange, validate

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


WRITERS_MS = 5_000
"""How long we wait for those who write to the tables; others who come to write queue behind us meanwhile."""
READERS_MS = 900
"""How long we wait for readers, who then queue behind us. Less than PostgreSQL's deadlock_timeout: of a reader who goes on
to write and us, who wait for one another then, it is we who give way."""

_OLD_READERS = """
    SELECT count(*) FROM pg_locks JOIN dataforge.restores ON virtualxid = ANY(readers)
    WHERE restore_id = %s AND locktype = 'virtualxid' AND granted
"""
"""Transactions from before the comparison that are still open. Everybody may see them; snapshots are seen by few."""


def switch(db: Connection, run_id: str, execution: str) -> dict[str, str]:
    """Change the tables, and keep what they were. Readers see all of the old rows or all of the new ones.

    What was written since the comparison is compared again, under locks: no write is lost unseen, or escapes the copy.
    Repeating it is harmless. Raises ``Busy`` (nothing was done), ``LeaseLost``, ``WouldOrphan``, ``TargetRejectsRows``.
    """
    with refusals(), transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        if run.status != "switched":
            leases.hold(cursor, execution, run.dataset.name, [t.name for t in run.tables])
            _switch(cursor, run)
    validate(db, run)
    return {}


def _switch(cursor: Cursor, run: Run) -> None:
    require_sound(cursor, with_relatives(run.dataset, run.tables))
    swap = run.mode == SWAP and _may_swap(cursor, run)
    related = _lock_out_writers(cursor, run, swap=swap)
    compare = count_difference if swap else find_difference
    figures = {table.name: compare(cursor, run, table) for table in run.tables}
    check_children(cursor, run, takes_away(figures))
    if swap:
        check_parents(cursor, run)
        _lock(cursor, related, Sql("ACCESS EXCLUSIVE"), READERS_MS)
        swap = all(is_pristine(cursor, run.dataset, table) for table in run.tables)
        if not swap:
            figures = {table.name: find_difference(cursor, run, table) for table in run.tables}
    cursor.execute(Sql("CREATE SCHEMA {}").format(ident(run.kept_schema)))
    cursor.execute(Sql("GRANT USAGE ON SCHEMA {} TO {}").format(ident(run.kept_schema), REFILL))
    if swap:
        exchange(cursor, run)
    else:
        merge(cursor, run, figures)
    for table in run.tables:
        note_figures(cursor, run, table, figures[table.name])
        cursor.execute(Sql("GRANT SELECT ON {} TO {}").format(run.kept(table), REFILL))
    shadow.drop(cursor, run.id)
    cursor.execute(
        "UPDATE dataforge.restores SET status = 'switched', switched_at = clock_timestamp() WHERE restore_id = %s",
        (run.id,),
    )


def _may_swap(cursor: Cursor, run: Run) -> bool:
    """Whether nobody reads by a snapshot in which the new tables would be empty: one from before they were loaded.

    Rows are changed one by one then, which every snapshot sees, or does not see, as a whole. So no restore waits for a
    backup, or for somebody's long report.
    """
    try:
        exclude_snapshots(cursor, run.dataset)
    except BackupRunning:
        return False
    cursor.execute(_OLD_READERS, (run.id,))
    return not one_row(cursor)[0]


def _lock_out_writers(cursor: Cursor, run: Run, *, swap: bool) -> set[Sql]:
    """Lock the tables and those that refer to them against writers; to swap, also those that they refer to.

    Returns all of them. Foreign keys cannot be added meanwhile.
    """
    tables = {ddl.qualified(table) for table in run.tables}
    _lock(cursor, tables, Sql("SHARE ROW EXCLUSIVE"), WRITERS_MS)
    others = {child.relation for child in children(cursor, run) if child.lockable}
    if swap:
        others |= {ddl.qualified(run.dataset.table(key.parent)) for _, key in parents(run)}
    if others:
        _lock(cursor, others, Sql("SHARE ROW EXCLUSIVE"), WRITERS_MS)
    return tables | others


def _lock(cursor: Cursor, relations: Iterable[Sql], mode: Sql, milliseconds: int) -> None:
    cursor.execute(Sql("SET LOCAL lock_timeout = {}").format(milliseconds))
    names = Sql(", ").join(sorted(relations))
    try:
        cursor.execute(Sql("LOCK TABLE {} IN {} MODE").format(names, mode))
    except psycopg2.errors.LockNotAvailable as error:
        shown = names.replace('"', "")
        raise Busy(
            f"Others hold locks on {shown} for longer than a restore waits. Nothing was changed. Restore again when their"
            " transactions have ended; pg_locks and pg_stat_activity show whose they are."
        ) from error
