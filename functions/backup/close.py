"""Last step of a backup: remove expired backups, release the leases, return the output; or close a run that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataforge.backups import manifest
from dataforge.postgres.connection import transaction
from dataforge.runs.lifecycle import DONE, close_run, fail_run
from dataforge.runs.results.backup import BackedUpTable, BackupOutput
from dataforge.settings import BackupSettings
from functions.backup.expire import delete_unfinished, expire
from functions.backup.run import BACKUPS, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def close(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> BackupOutput:
    """Close a run that succeeded. Returns the execution's output. Idempotent."""
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
    backup = manifest.read(s3, settings.backup_bucket, run.dataset.name, run.backup_id, run.manifest)
    removed = expire(db, s3, settings, run_id)
    close_run(db, BACKUPS, run.execution, DONE)
    return BackupOutput(
        backup_id=run.backup_id,
        manifest=f"s3://{settings.backup_bucket}/{backup.key}",
        created_at=backup.created_at.isoformat(),
        tables=tuple(
            BackedUpTable(table=e.table, rows=e.rows, content_hash=e.content_hash) for e in backup.tables
        ),
        size=backup.size,
        verified=run.is_verified,
        removed=tuple(removed),
    )


def abandon(
    db: Connection, s3: S3Client, settings: BackupSettings, execution: str, error: Mapping[str, str]
) -> dict[str, str]:
    """``fail_run``, and delete the run's files unless it wrote its manifest. Returns "error" and "cause" to fail with."""
    run_id, failure = fail_run(db, s3, settings.report_bucket, BACKUPS, execution, error)
    delete_unfinished(db, s3, settings, run_id)
    return failure.as_answer()
