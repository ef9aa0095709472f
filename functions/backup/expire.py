"""Retention: which backups go, and what dead runs left behind. The bucket keeps versions for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
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
"""A folder without a manifest may be one that another machine is writing; after this time nobody is."""

_DELETED_AT_ONCE = 1_000


@dataclass(frozen=True)
class Kept:
    """A complete backup, and whether it was found sound when it was last read back."""

    backup: Manifest
    verified: bool


def expire(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> list[str]:
    """Remove the dataset's outdated backups and leftovers, and old runs from the ledger. Returns the ids that went."""
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
        ended, known = _ledger(cursor)
    bucket, dataset, now = settings.backup_bucket, run.dataset.name, datetime.now(UTC)
    kept, leftovers = [], []
    for backup_id in manifest.backup_ids(s3, bucket, dataset):
        try:
            backup = manifest.find(s3, bucket, dataset, backup_id)
        except DamagedBackup:
            # What it holds is not known, so it is left to people; the list of backups shows it.
            continue
        if backup is not None:
            kept.append(_look_at(s3, bucket, backup))
        elif backup_id in ended or (backup_id not in known and _is_old(backup_id, now)):
            leftovers.append(backup_id)
    gone = [*leftovers, *outdated(kept, now, settings)]
    for backup_id in gone:
        delete(s3, bucket, backup_folder(dataset, backup_id))
    with transaction(db) as cursor:
        cursor.execute(
            "DELETE FROM dataforge.backups WHERE finished_at < now() - make_interval(days => %s)",
            (settings.keep_days,),
        )
    return gone


def _ledger(cursor: Cursor) -> tuple[set[str], set[str]]:
    """The runs that ended so long ago that none of their workers lives any more, and all runs."""
    cursor.execute(
        "SELECT run_id, coalesce(finished_at < now() - interval '20 minutes', false) FROM dataforge.backups"
    )
    runs = cursor.fetchall()
    return {run_id for run_id, is_over in runs if is_over}, {run_id for run_id, _ in runs}


def _look_at(s3: S3Client, bucket: str, backup: Manifest) -> Kept:
    try:
        found = manifest.read_verification(s3, bucket, backup.dataset, backup.backup_id)
    except ValidationError:
        return Kept(backup, verified=False)
    return Kept(backup, found is not None and found.verified)


def _is_old(backup_id: str, now: datetime) -> bool:
    made = time_of(backup_id)
    return made is not None and now - made > timedelta(days=LEFTOVER_DAYS)


def outdated(kept: Iterable[Kept], now: datetime, settings: BackupSettings) -> Iterator[str]:
    """The ids of the backups to remove, of all that there are, oldest first.

    A backup stays while it is younger than ``keep_days``, or among the newest ``keep_count`` of all, or the newest verified
    one that holds some table. Safety backups stay for ``safety_days``, and exports are not ours to remove.
    """
    ordered = sorted(kept, key=lambda k: k.backup.backup_id, reverse=True)
    backups = [k for k in ordered if k.backup.kind == "backup"]
    spared = {k.backup.backup_id for k in backups[: settings.keep_count]} | set(_proven(backups))
    limits = {"backup": settings.keep_days, "safety": settings.safety_days}
    for backup in (k.backup for k in reversed(ordered)):
        limit = limits.get(backup.kind)
        is_old = limit is not None and now - backup.created_at > timedelta(days=limit)
        if is_old and backup.backup_id not in spared:
            yield backup.backup_id


def _proven(backups: list[Kept]) -> Iterator[str]:
    """Of each table the newest backup that is verified; ``backups`` come newest first."""
    seen: set[str] = set()
    for kept in backups:
        tables = {entry.table for entry in kept.backup.tables}
        if kept.verified and tables - seen:
            seen |= tables
            yield kept.backup.backup_id


def delete(s3: S3Client, bucket: str, prefix: str) -> None:
    """Delete all objects below the prefix, the manifest first: from then on there is no backup that lacks files."""
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
