"""How long the steps and the workers' calls took, noted in the ledger: what the report's phases and costs are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


_TIMED = ("begin", "plan", "cut", "settle", "reconcile", "publish")


def note_step(db: Connection, event: dict[str, Any], result: dict[str, Any], seconds: float) -> None:
    """Enter a step that was done: every call, for each is paid. A run that is refused has no ledger, and leaves nothing."""
    if event["step"] not in _TIMED:
        return
    run_id = event.get("migration_id") or result.get("migration_id")
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            'INSERT INTO dataforge.migration_steps (migration_id, step, "table", seconds)'
            " SELECT migration_id, %s, %s, %s FROM dataforge.migrations WHERE migration_id = %s",
            (event["step"], event.get("table"), seconds, run_id),
        )
