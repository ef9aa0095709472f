"""Close a migration that failed, with a readable error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataforge.runs.lifecycle import fail_run
from dataforge.settings import MigrationSettings
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.report.report import report

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


_REPORTED = ("QualityTooLow", "NotReconciled")
"""Errors that the run's report explains."""


def abandon(
    db: Connection, s3: S3Client, settings: MigrationSettings, execution: str, error: Mapping[str, str]
) -> dict[str, str]:
    """``fail_run``. Returns the "error" and "cause" that the execution fails with."""
    run_id, failure = fail_run(db, s3, settings.report_bucket, MIGRATIONS, execution, error)
    cause = failure.cause
    if run_id and failure.error in _REPORTED:
        cause += f" Report: {report(db, s3, settings, run_id)['report']}"
    return {"error": failure.error, "cause": cause}
