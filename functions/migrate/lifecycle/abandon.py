"""What a failed run leaves behind: a readable error, a report where there is something to report, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.aws.failures import Failure, caught, hides_a_worker
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.settings import MigrationSettings
from functions.migrate.lifecycle.begin import release
from functions.migrate.report.report import report

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


_REPORTED = ("QualityTooLow", "NotReconciled")
"""Failures that the run's figures explain."""


def abandon(
    db: Connection, s3: S3Client, settings: MigrationSettings, execution: str, error: dict[str, str]
) -> dict[str, str]:
    """Close the run and give back its leases. Returns "error" and "cause" for the execution to fail with.

    ``error`` is what Step Functions caught: "Error", and "Cause" as text or as a Lambda function's JSON.
    """
    found = _noted(db, execution) if hides_a_worker(error.get("Error", "")) else None
    failure = found or caught(s3, settings.report_bucket, execution, error)
    run_id = release(db, execution, "failed", failure.error, failure.cause)
    cause = failure.cause
    if run_id and failure.error in _REPORTED:
        cause += f" Report: {report(db, s3, settings, run_id)['report']}"
    return {"error": failure.error, "cause": cause}


def _noted(db: Connection, execution: str) -> Failure | None:
    """The first error, in the order of chunks, that a worker wrote into the ledger."""
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            "SELECT c.error, c.cause FROM dataforge.migration_chunks c JOIN dataforge.migrations m USING (migration_id)"
            " WHERE m.execution = %s AND c.error IS NOT NULL ORDER BY c.chunk LIMIT 1",
            (execution,),
        )
        row = cursor.fetchone()
    return Failure(*row) if row else None
