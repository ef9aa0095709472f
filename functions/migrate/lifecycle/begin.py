"""First step of a migration: validate the input, take the leases, open the ledger row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry, named
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.visible_rows import require_changeable
from dataforge.runs.ids import run_id
from dataforge.runs.lifecycle import close_dead_run, open_run, take_leases
from functions.migrate.lifecycle.order import MigrationInput, Order, read_order
from functions.migrate.lifecycle.resume import MIGRATIONS, drop_leftovers, resume, to_resume
from functions.migrate.run.declared import require_columns
from functions.migrate.run.migration import read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def begin(db: Connection, execution: str, started: str, document: Any, dead: str = "") -> dict[str, str]:
    """Open a migration for ``execution``. ``dead``: an execution that ended without releasing its leases.

    Returns its ``migration_id`` and ``holder``: "", or the execution that holds one of the leases, in which case nothing
    was changed. Idempotent. Raises ``InvalidInput`` and its subclasses.
    """
    request = MigrationInput.read(document)
    close_dead_run(db, MIGRATIONS, dead)
    with transaction(db, role=MIGRATION_RUN) as cursor:
        if request.resume:
            return _resume(cursor, execution, request)
        order = read_order(cursor, request)
        require_changeable(cursor, order.dataset, map(order.dataset.table, order.tables))
        row = _row(run_id(execution, started), execution, request, order)
        holder = open_run(cursor, MIGRATIONS, row, order.tables)
        if not holder:
            drop_leftovers(cursor, order.dataset.name, order.tables)
            record(cursor, _entry(row, request))
    return {"migration_id": row["migration_id"], "holder": holder}


def _resume(cursor: Cursor, execution: str, request: MigrationInput) -> dict[str, str]:
    run = read_run(cursor, to_resume(cursor, request.resume, execution, request.dataset))
    require_changeable(cursor, run.dataset, run.tables)
    holder = take_leases(
        cursor, MIGRATIONS, execution, run.dataset.name, [table.name for table in run.tables]
    )
    if not holder:
        resume(cursor, run.id, execution, request.given_threshold)
        require_columns(cursor, run.id, run.tables)
        entry = Entry(
            "started",
            execution,
            Operation.REPLAY if run.replay else Operation.MIGRATION,
            run.dataset.name,
            {"migration_id": run.id, "resumed": True},
            request.requested_by,
        )
        record(cursor, entry)
    return {"migration_id": run.id, "holder": holder}


def _entry(row: Mapping[str, Any], request: MigrationInput) -> Entry:
    """The audit's entry for the start of a run with this row in the ledger."""
    what = {name: row[name] for name in ("migration_id", "prefix", "on_conflict")} | named(row["tables"])
    operation = Operation.MIGRATION
    if request.replay:
        operation = Operation.REPLAY
        what["replay"] = request.replay.model_dump(exclude_defaults=True)
    return Entry("started", row["execution"], operation, row["dataset"], what, request.requested_by)


def _row(migration_id: str, execution: str, request: MigrationInput, order: Order) -> dict[str, Any]:
    """The migration's row in the ledger."""
    return {
        "migration_id": migration_id,
        "execution": execution,
        "dataset": order.dataset.name,
        "prefix": order.prefix,
        "tables": order.tables,
        "quality_threshold": order.threshold,
        "on_conflict": request.on_conflict,
        "replay": request.replay.model_dump_json() if request.replay else None,
        "ignore": request.ignore,
    }
