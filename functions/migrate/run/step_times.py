"""Durations of the steps in the ledger, from which the report computes phases and costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.runs.step_names import MigrationStep
from dataforge.runs.steps import StepEvent

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


_TIMED = (
    MigrationStep.BEGIN,
    MigrationStep.PLAN,
    MigrationStep.CUT,
    MigrationStep.RESOLVE,
    MigrationStep.RECONCILE,
    MigrationStep.PUBLISH,
)


def record_step(db: Connection, event: StepEvent, answer: Mapping[str, Any], seconds: float) -> None:
    """Record a step's duration. Every call counts, because each is billed. A refused run has no ledger row, and no steps."""
    if event.step not in _TIMED:
        return
    run_id = event.run_id or answer.get("migration_id")
    with transaction(db, role=MIGRATION_RUN) as cursor:
        cursor.execute(
            'INSERT INTO dataforge.migration_steps (migration_id, step, "table", seconds)'
            " SELECT migration_id, %s, %s, %s FROM dataforge.migrations WHERE migration_id = %s",
            (event.step, event.table or None, seconds, run_id),
        )
