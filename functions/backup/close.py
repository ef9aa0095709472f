"""The end of a run: outdated backups go, the lease is given back, and the output says what there is now. Or the failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.aws.failures import caught
from dataforge.backups import manifest
from dataforge.postgres.connection import transaction
from dataforge.settings import BackupSettings
from functions.backup.begin import release
from functions.backup.expire import drop_leftovers, retain
from functions.backup.run import read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def close(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, Any]:
    """Close a run that did its work; returns the state machine's output. Repeating it is harmless."""
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
    backup = manifest.read(s3, settings.backup_bucket, run.dataset.name, run.backup_id)
    verification = manifest.read_verification(s3, settings.backup_bucket, run.dataset.name, run.backup_id)
    removed = retain(db, s3, settings, run_id)
    release(db, run.execution, "done")
    return {
        "backup_id": run.backup_id,
        "manifest": f"s3://{settings.backup_bucket}/{backup.key}",
        "created_at": backup.created_at.isoformat(),
        "tables": [{"table": e.table, "rows": e.rows, "content_hash": e.content_hash} for e in backup.tables],
        "size": backup.size,
        "verified": verification is not None and verification.verified,
        "removed": removed,
    }


def abandon(
    db: Connection, s3: S3Client, settings: BackupSettings, execution: str, error: dict[str, str]
) -> dict[str, str]:
    """Close a run that failed: its leases, its snapshot and its files go. Returns "error" and "cause" to fail with.

    ``error`` is what Step Functions caught. A backup that has its manifest stays, whatever failed after that.
    """
    failure = caught(s3, settings.report_bucket, execution, error)
    end(db, s3, settings, execution, "failed", failure.error, failure.cause)
    return failure.as_answer()


def end(
    db: Connection,
    s3: S3Client,
    settings: BackupSettings,
    execution: str,
    status: str,
    error: str = "",
    cause: str = "",
) -> str | None:
    """Close a run that was ended, and delete what it left; returns its id, or None if the ledger has none."""
    run_id = release(db, execution, status, error, cause)
    if run_id is not None:
        with transaction(db) as cursor:
            run = read_run(cursor, run_id)
        drop_leftovers(s3, settings.backup_bucket, run)
    return run_id
