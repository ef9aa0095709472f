"""What a failed restore leaves behind: a readable error, the tables as they were, or else the way to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.aws.failures import Failure, caught, hides_a_worker
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.settings import RestoreSettings
from functions.restore.begin import release

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def abandon(
    db: Connection, s3: S3Client, settings: RestoreSettings, execution: str, error: dict[str, str]
) -> dict[str, str]:
    """Close the run and give back its leases. Returns "error" and "cause" for the execution to fail with.

    ``error`` is what Step Functions caught: "Error", and "Cause" as text or as a Lambda function's JSON.
    """
    found = _noted(db, execution) if hides_a_worker(error.get("Error", "")) else None
    failure = found or caught(s3, settings.report_bucket, execution, error)
    run, cause = release(db, execution, "failed", failure.error, failure.cause), failure.cause
    if run and run.status == "switched":
        cause = (
            "The tables are restored, but what they replaced is not yet in S3; it is kept in the schema"
            f' {run.kept_schema}. Go on with {{"finish": "{run.id}"}}. {cause}'
        )
    return {"error": failure.error, "cause": cause}


def _noted(db: Connection, execution: str) -> Failure | None:
    """The first error that a worker wrote into the ledger."""
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            "SELECT p.error, p.cause FROM dataforge.restore_pieces p JOIN dataforge.restores USING (restore_id)"
            ' WHERE execution = %s AND p.error IS NOT NULL ORDER BY p.step, p."table", p.piece LIMIT 1',
            (execution,),
        )
        row = cursor.fetchone()
    return Failure(*row) if row else None
