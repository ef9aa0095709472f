"""Replace tables by the shadows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.errors import BackupRunning, TargetChanged
from dataforge.postgres import shadow
from dataforge.postgres.open_transactions import any_open
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import require_no_snapshot
from dataforge.postgres.sql import Sql
from dataforge.postgres.unwritten import is_unwritten
from dataforge.tables.catalogue import Table
from functions.migrate.run.declared import are_alike
from functions.migrate.run.ledger import read_resolved
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


READERS_MS = 900
"""How long the swap of filled tables waits for readers, while later readers queue behind it. Less than PostgreSQL's
deadlock_timeout: if a reader starts to write and both wait for each other, it is the swap that fails."""


def swap(cursor: Cursor, run: Run) -> None:
    """Replace empty tables. Raises ``TargetChanged``."""
    require_no_snapshot(cursor, run.dataset)
    shadow.lock(cursor, run.dataset, run.tables, Sql("ACCESS EXCLUSIVE"))
    if not shadow.replaceable(cursor, run.dataset, run.tables):
        raise TargetChanged(
            "Rows or objects were added to the tables since the run began; resolving the run against them."
        )
    _replace(cursor, run)


def swap_rebuilt(cursor: Cursor, run: Run) -> None:
    """Replace filled tables by shadows that have their rows too. Raises ``TargetChanged``.

    Writers wait during a scan of the tables, readers only for the swap. A transaction that is older than the shadows would
    see the new tables empty; while one is open, the rows are merged.
    """
    cursor.execute("SELECT readers FROM dataforge.migrations WHERE migration_id = %s", (run.id,))
    if any_open(cursor, one_row(cursor)[0] or []):
        raise TargetChanged("Transactions from before the tables were rebuilt are open; merging the rows.")
    try:
        require_no_snapshot(cursor, run.dataset)
    except BackupRunning:
        raise TargetChanged("A backup reads the tables; merging the rows.") from None
    shadow.lock(cursor, run.dataset, run.tables, Sql("SHARE ROW EXCLUSIVE"))
    if not all(_is_unwritten(cursor, run, table) for table in run.tables):
        raise TargetChanged("Rows were written to the tables since they were rebuilt; merging the rows.")
    cursor.execute(Sql("SET LOCAL lock_timeout = {}").format(READERS_MS))
    try:
        shadow.lock(cursor, run.dataset, run.tables, Sql("ACCESS EXCLUSIVE"))
    except psycopg2.errors.LockNotAvailable:
        raise TargetChanged("Readers of the tables do not end; merging the rows.") from None
    if not shadow.is_closed(cursor, run.dataset, run.tables):
        raise TargetChanged(
            "Rows of children or objects were added to the tables since the run began; merging the rows."
        )
    _replace(cursor, run)


def _is_unwritten(cursor: Cursor, run: Run, table: Table) -> bool:
    resolved = read_resolved(cursor, run.id, table.name)
    return (
        resolved is not None
        and resolved.mode == run.mode
        and resolved.state is not None
        and is_unwritten(cursor, table, resolved.state)
    )


def _replace(cursor: Cursor, run: Run) -> None:
    if not are_alike(cursor, run):
        raise TargetChanged(
            "The declaration of the tables changed since the shadows were built; resolving the run against it."
        )
    shadow.swap(cursor, run.dataset, run.id, run.tables)
