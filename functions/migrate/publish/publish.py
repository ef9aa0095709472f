"""Publish a run: make its rows visible to readers in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.audit.entry import Entry
from dataforge.audit.record import record
from dataforge.errors import TargetChanged
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.sql import Sql
from dataforge.postgres.visible_rows import require_sound, with_relatives
from dataforge.runs import leases
from functions.migrate.publish.merge import merge, resolve_again
from functions.migrate.publish.quality import require_quality
from functions.migrate.publish.quality_facts import store_facts
from functions.migrate.publish.replay import close_replay
from functions.migrate.publish.swap import swap, swap_rebuilt
from functions.migrate.run.declared import require_columns
from functions.migrate.run.known import remember
from functions.migrate.run.migration import MERGE, REBUILD, SWAP, Run, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_PUBLICATIONS = {SWAP: swap, MERGE: merge, REBUILD: swap_rebuilt}
"""How rows become visible. Those of known files are visible already."""

PUBLISH_LOCK_MS = 5_000
"""Time-out for the table locks, in milliseconds; readers queue behind the request. The step is retried after it."""


def publish(db: Connection, run_id: str, execution: str) -> dict[str, str]:
    """Make all rows of the run visible in one short transaction and release the leases.

    Raises ``QualityTooLow`` (nothing is published), ``LeaseLost``, ``Busy`` (retry), ``BackupRunning`` (retry for hours),
    ``TargetRejectsRows``, or ``TargetChanged``: others wrote to the tables since the run was resolved. The run's tables must
    then be resolved again.
    """
    try:
        with transaction(db, role=MIGRATION_RUN) as cursor:
            run = read_run(cursor, run_id)
            if run.status != "published":
                _publish(cursor, run, execution)
    except TargetChanged:
        resolve_again(db, run_id)
        raise
    return {"status": "published"}


def _publish(cursor: Cursor, run: Run, execution: str) -> None:
    leases.hold(cursor, execution, run.dataset.name, [t.name for t in run.tables])
    require_quality(cursor, run)
    store_facts(cursor, run)
    cursor.execute(Sql("SET LOCAL lock_timeout = {}").format(PUBLISH_LOCK_MS))
    require_sound(cursor, with_relatives(run.dataset, run.tables))
    require_columns(cursor, run.id, run.tables)
    if run.mode in _PUBLICATIONS:
        _PUBLICATIONS[run.mode](cursor, run)
    remember(cursor, run)
    cursor.execute(
        "UPDATE dataforge.migrations SET status = 'published', finished_at = now() WHERE migration_id = %s",
        (run.id,),
    )
    close_replay(cursor, run)
    shadow.drop(cursor, run.id)
    leases.release(cursor, leases.WRITE, execution)
    record(cursor, Entry("succeeded", execution))
