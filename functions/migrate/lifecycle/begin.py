"""The first step: understand the input, take the leases, open the ledger; and the last: give back what a run holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.aws.failures import LEFT_BEHIND
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.visible_rows import require_changeable
from dataforge.runs import leases
from dataforge.runs.ids import run_id
from dataforge.tables.catalogue import Dataset
from functions.migrate.lifecycle.resume import drop_leftovers, resume, to_resume, worth_resuming
from functions.migrate.plan.replay import replay_order
from functions.migrate.run.declared import require_columns
from functions.migrate.run.migration import MigrationInput, Order, read_input, read_order, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def begin(db: Connection, execution: str, started: str, document: Any, dead: str = "") -> dict[str, str]:
    """Open a migration for ``execution``; ``dead`` is a holder that was found not to run any more.

    Returns its ``migration_id`` and ``holder``: "" or the execution that holds one of the tables, in which case nothing
    was taken. Repeating it is harmless. Raises ``InvalidInput`` and its kin.
    """
    request = read_input(document)
    migration_id = run_id(execution, started)
    if dead:
        release(db, dead, "stopped", LEFT_BEHIND.error, LEFT_BEHIND.cause)
    with transaction(db, role=OWNER) as cursor:
        if request.resume:
            old = read_run(cursor, to_resume(cursor, request.resume, execution, request.dataset))
            require_changeable(cursor, old.dataset, old.tables)
            holder = _take(cursor, execution, old.dataset, [table.name for table in old.tables])
            if not holder:
                given = "quality_threshold" in request.model_fields_set
                resume(cursor, old.id, execution, request.quality_threshold if given else None)
                require_columns(cursor, old)
            return {"migration_id": old.id, "holder": holder}
        order = replay_order(cursor, request.replay, request) if request.replay else read_order(request)
        require_changeable(cursor, order.dataset, map(order.dataset.table, order.tables))
        holder = _take(cursor, execution, order.dataset, order.tables)
        if not holder:
            drop_leftovers(cursor, order.dataset.name, order.tables)
            _enter(cursor, migration_id, execution, request, order)
    return {"migration_id": migration_id, "holder": holder}


def _take(cursor: Cursor, execution: str, dataset: Dataset, tables: list[str]) -> str:
    """Take the tables' leases, all or none; returns "" or who holds one of them."""
    cursor.execute("SAVEPOINT leases")
    holder = leases.take(cursor, leases.WRITE, execution, dataset.name, tables)
    if holder:
        cursor.execute("ROLLBACK TO SAVEPOINT leases")
    return holder


def _enter(cursor: Cursor, migration_id: str, execution: str, request: MigrationInput, order: Order) -> None:
    """The migration's row in the ledger."""
    cursor.execute(
        "INSERT INTO dataforge.migrations"
        " (migration_id, execution, dataset, prefix, tables, quality_threshold, on_conflict, replay, ignore)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id) DO NOTHING",
        (
            *(migration_id, execution, order.dataset.name, order.prefix, order.tables, order.threshold),
            *(request.on_conflict, request.replay.model_dump_json() if request.replay else None),
            request.ignore,
        ),
    )


def release(db: Connection, execution: str, status: str, error: str = "", cause: str = "") -> str | None:
    """Close the execution's migration if it is open: give back its leases, note why.

    Its shadows stay while there is something in them to resume, else they go. What was published stays. Returns the
    migration's id, or None if the ledger has none. Repeating it is harmless.
    """
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            "UPDATE dataforge.migrations SET status = %s, error = nullif(%s, ''), cause = nullif(%s, ''),"
            " finished_at = now() WHERE execution = %s AND status = 'running'",
            (status, error, cause, execution),
        )
        cursor.execute("SELECT migration_id FROM dataforge.migrations WHERE execution = %s", (execution,))
        row = cursor.fetchone()
        if row and not worth_resuming(cursor, row[0]):
            shadow.drop(cursor, row[0])
        leases.release(cursor, execution)
    return row[0] if row else None
