"""Retention: delete expired backups and files of runs that ended. The bucket retains deleted versions for some days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.backups.verification import read_verification
from dataforge.errors import DamagedBackup
from dataforge.postgres.connection import transaction
from dataforge.runs.ids import time_of
from dataforge.s3.keys import MANIFEST, backup_folder
from dataforge.s3.objects import list_objects, translated
from dataforge.settings import BackupSettings
from functions.backup.run import read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

    from dataforge.postgres.types import Connection, Cursor


LEFTOVER_DAYS = 7
"""After this time a folder without a manifest is not being written by another stack."""

_DELETED_AT_ONCE = 1_000
_MOST_RECORDED = 100


@dataclass(frozen=True)
class StoredBackup:
    """A complete backup, and whether its last verification succeeded.

    ``known``: the ledger records that it was signed. A principal that may write to the bucket can add others.
    """

    backup: Manifest
    verified: bool
    known: bool = False


def expire(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> list[str]:
    """Delete the dataset's expired and incomplete backups, and old runs in the ledger. Returns the ids of the backups."""
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
        ended, known = _ledger(cursor)
        signed = _signed(cursor, run.dataset.name)
    bucket, dataset, now = settings.backup_bucket, run.dataset.name, datetime.now(UTC)
    stored, leftovers = [], []
    for backup_id in manifest.backup_ids(s3, bucket, dataset):
        try:
            backup = manifest.find(s3, bucket, dataset, backup_id)
        except DamagedBackup:
            # Its content is unknown, so it is not deleted; the list of backups shows it.
            continue
        if backup is not None:
            stored.append(
                StoredBackup(backup, signed[backup_id], known=True)
                if backup_id in signed
                else _with_verification(s3, bucket, backup)
            )
        elif backup_id in ended or (backup_id not in known and _is_old(backup_id, now)):
            leftovers.append(backup_id)
    deleted = [*leftovers, *expired(stored, now, settings)]
    entry = Entry("started", run.execution, Operation.BACKUP_EXPIRY, dataset, _names(deleted))
    if deleted:
        with transaction(db) as cursor:
            record(cursor, entry)
    for backup_id in deleted:
        delete(s3, bucket, backup_folder(dataset, backup_id))
    with transaction(db) as cursor:
        remaining = {s.backup.backup_id for s in stored}.difference(deleted)
        cursor.execute(
            "DELETE FROM dataforge.backups WHERE dataset = %s AND backup_id <> ALL(%s)"
            " AND finished_at < now() - make_interval(days => %s)",
            (dataset, [*remaining], settings.keep_days),
        )
        if deleted:
            record(cursor, replace(entry, result="succeeded"))
    return deleted


def _names(deleted: list[str]) -> dict[str, Any]:
    return {"backup_ids": deleted[:_MOST_RECORDED], "backup_count": len(deleted)}


def _signed(cursor: Cursor, dataset: str) -> dict[str, bool]:
    """The dataset's backups that were signed, and whether their verification was, too."""
    cursor.execute(
        "SELECT backup_id, bool_or(verified_at IS NOT NULL) FROM dataforge.backups WHERE dataset = %s"
        " GROUP BY backup_id HAVING bool_or(run_id = backup_id AND signed_at IS NOT NULL)",
        (dataset,),
    )
    return dict(cursor.fetchall())


def _ledger(cursor: Cursor) -> tuple[set[str], set[str]]:
    """The runs that ended before the longest time-out of a worker, and all runs."""
    cursor.execute(
        "SELECT run_id, coalesce(finished_at < now() - interval '20 minutes', false) FROM dataforge.backups"
    )
    runs = cursor.fetchall()
    return {run_id for run_id, is_over in runs if is_over}, {run_id for run_id, _ in runs}


def _with_verification(s3: S3Client, bucket: str, backup: Manifest) -> StoredBackup:
    try:
        found = read_verification(s3, bucket, backup.dataset, backup.backup_id)
    except DamagedBackup:
        return StoredBackup(backup, verified=False)
    return StoredBackup(backup, found is not None and found.verified)


def _is_old(backup_id: str, now: datetime) -> bool:
    made = time_of(backup_id)
    return made is not None and now - made > timedelta(days=LEFTOVER_DAYS)


def expired(stored: Iterable[StoredBackup], now: datetime, settings: BackupSettings) -> Iterator[str]:
    """The ids of the backups to delete, oldest first.

    Retained are backups younger than ``keep_days``, the newest ``keep_count``, and for each table the newest verified one.
    Those that the ledger records as signed come first: no planted backup takes the place of one of them.
    Safety backups are retained for ``safety_days``. Exports are never deleted.
    """
    ordered = sorted(stored, key=lambda s: s.backup.backup_id, reverse=True)
    backups = [s for s in ordered if s.backup.kind == "backup"]
    known, others = ([s for s in backups if s.known is value] for value in (True, False))
    newest = [s.backup.backup_id for s in (*known, *others)][: settings.keep_count]
    retained = {*newest, *_newest_verified(known), *_newest_verified(others)}
    limits = {"backup": settings.keep_days, "safety": settings.safety_days}
    for backup in (s.backup for s in reversed(ordered)):
        limit = limits.get(backup.kind)
        is_old = limit is not None and now - backup.created_at > timedelta(days=limit)
        if is_old and backup.backup_id not in retained:
            yield backup.backup_id


def _newest_verified(backups: list[StoredBackup]) -> Iterator[str]:
    """Of each table the newest backup that is verified; ``backups`` come newest first."""
    seen: set[str] = set()
    for stored in backups:
        tables = {entry.table for entry in stored.backup.tables}
        if stored.verified and tables - seen:
            seen |= tables
            yield stored.backup.backup_id


def delete(s3: S3Client, bucket: str, prefix: str) -> None:
    """Delete all objects below the prefix, the manifest first, so that no manifest refers to missing files."""
    keys = [item.key for item in list_objects(s3, bucket, prefix)]
    keys.sort(key=lambda key: not key.endswith(f"/{MANIFEST}"))
    for start in range(0, len(keys), _DELETED_AT_ONCE):
        some: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]]
        with translated(bucket, prefix):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
        if answer.get("Errors"):
            raise RuntimeError(
                f"S3 did not delete {answer['Errors'][0]['Key']}: {answer['Errors'][0]['Code']}"
            )


def delete_unfinished(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str | None) -> None:
    """Delete the files of a run that ended, unless it wrote the manifest of its backup. None: no run."""
    if run_id is None:
        return
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
    bucket = settings.backup_bucket
    if run.backup_id == run.id and manifest.find(s3, bucket, run.dataset.name, run.id) is None:
        delete(s3, bucket, run.folder)
