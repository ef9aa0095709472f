"""What a failed run leaves behind: a readable error, a report where there is something to report, nothing else."""

from __future__ import annotations

from typing import Any

from dataforge.caught import readable, shortened
from dataforge.database import Connection, transaction
from dataforge.roles import OWNER
from dataforge.settings import MigrationSettings
from functions.migrate.begin import release
from functions.migrate.report import report

_REPORTED = ("QualityTooLow", "NotReconciled")
"""Failures that the run's figures explain."""


def abandon(
    db: Connection, s3: Any, settings: MigrationSettings, execution: str, error: dict[str, str]
) -> dict[str, str]:
    """Close the run and give back its leases. Returns "error" and "cause" for the execution to fail with.

    ``error`` is what Step Functions caught: "Error", and "Cause" as text or as a Lambda function's JSON.
    """
    name, cause = readable(error)
    recorded = _recorded(db, execution)
    if recorded and name.startswith("States."):
        name, cause = recorded
    cause = shortened(cause)
    run_id = release(db, execution, "failed", name, cause)
    if run_id and name in _REPORTED:
        cause += f" Report: {report(db, s3, settings, run_id)['report']}"
    return {"error": name, "cause": cause}


def _recorded(db: Connection, execution: str) -> tuple[str, str] | None:
    """The first error that a worker noted: a Distributed Map tells only that some child failed."""
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            "SELECT c.error, c.cause FROM dataforge.migration_chunks c JOIN dataforge.migrations m USING (migration_id)"
            " WHERE m.execution = %s AND c.error IS NOT NULL ORDER BY c.chunk LIMIT 1",
            (execution,),
        )
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None
