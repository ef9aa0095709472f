"""Publish a run: make its rows visible to readers in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.audit.entry import Entry
from dataforge.audit.record import record
from dataforge.errors import NoLongerKnown, TargetChanged, WorkContinues
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.sql import Sql
from dataforge.postgres.visible_rows import require_sound, with_relatives
from dataforge.runs import leases
from dataforge.runs.unattended.work import Unattended
from functions.migrate.publish.merge import merge
from functions.migrate.publish.quality import require_quality
from functions.migrate.publish.quality_facts import store_facts
from functions.migrate.publish.replay import close_replay
from functions.migrate.publish.swap import swap, swap_rebuilt
from functions.migrate.publish.unattended import (
    forget_failed_merge,
    forget_merge,
    merge_unattended,
    merges_unattended,
)
from functions.migrate.run.again import resolve_again
from functions.migrate.run.declared import require_columns
from functions.migrate.run.known.record import remember
from functions.migrate.run.migration import MERGE, REBUILD, SWAP, Run, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_PUBLICATIONS = {SWAP: swap, MERGE: merge, REBUILD: swap_rebuilt}
"""How rows become visible. Those of known tables are visible already."""

PUBLISH_LOCK_MS = 5_000
"""Time-out for the table locks, in milliseconds; readers queue behind the request. The step is retried after it."""


def publish(db: Connection, run_id: str, execution: str, how: Unattended | None = None) -> dict[str, str]:
    """Make all rows of the run visible in one transaction and release the leases. Idempotent.

    ``how``: how PostgreSQL completes a merge that may take longer than a function; then it also raises ``WorkContinues``.
    Raises ``QualityTooLow`` (nothing is published), ``LeaseLost``, ``Busy`` (retry), ``BackupRunning`` (retry for hours),
    ``TargetRejectsRows``, or one of two errors if others wrote to the tables: after ``TargetChanged`` the run's tables must
    be resolved again, after ``NoLongerKnown`` the step "cut" and all after it must be repeated.
    """
    try:
        with transaction(db, role=MIGRATION_RUN) as cursor:
            run = read_run(cursor, run_id)
            unattended = how is not None and merges_unattended(cursor, run, how)
            if run.status != "published":
                _require_publishable(cursor, run, execution)
                if not unattended:
                    _publish(cursor, run, execution)
            elif not unattended and shadow.exists(cursor, run.id):
                _close(cursor, run, execution)
        if how is not None and unattended:
            _publish_unattended(db, how, run, execution)
    except NoLongerKnown:
        resolve_again(db, run_id, load_known=True)
        raise
    except TargetChanged:
        resolve_again(db, run_id)
        raise
    return {"status": "published"}


def _require_publishable(cursor: Cursor, run: Run, execution: str) -> None:
    leases.hold(cursor, execution, run.dataset.name, [t.name for t in run.tables])
    require_quality(cursor, run)
    cursor.execute(Sql("SET LOCAL lock_timeout = {}").format(PUBLISH_LOCK_MS))
    require_sound(cursor, with_relatives(run.dataset, run.tables))
    require_columns(cursor, run.id, run.tables)


def _publish(cursor: Cursor, run: Run, execution: str) -> None:
    store_facts(cursor, run)
    if run.mode in _PUBLICATIONS:
        _PUBLICATIONS[run.mode](cursor, run)
    cursor.execute(
        "UPDATE dataforge.migrations SET status = 'published', finished_at = now() WHERE migration_id = %s",
        (run.id,),
    )
    _close(cursor, run, execution)


def _publish_unattended(db: Connection, how: Unattended, run: Run, execution: str) -> None:
    try:
        merge_unattended(db, how, run, execution)
    except WorkContinues:
        raise
    except Exception:
        with transaction(db, role=MIGRATION_RUN) as cursor:
            forget_failed_merge(cursor, how, run)
        raise
    with transaction(db, role=MIGRATION_RUN) as cursor:
        _close(cursor, run, execution)
        forget_merge(cursor, how, run)


def _close(cursor: Cursor, run: Run, execution: str) -> None:
    """Close a run whose rows are visible."""
    remember(cursor, run)
    close_replay(cursor, run)
    shadow.drop(cursor, run.id)
    leases.release(cursor, leases.WRITE, execution)
    record(cursor, Entry("succeeded", execution))
