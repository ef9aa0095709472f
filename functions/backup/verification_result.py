"""The result of a verification, from the checks of its files and the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.backups.verification import Verification, write_verification
from dataforge.errors import DamagedBackup
from dataforge.postgres.connection import transaction
from dataforge.postgres.rows import one_row
from dataforge.records.validate import content_hash
from dataforge.settings import BackupSettings
from functions.backup.run import read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_SHOWN = 20
"""How many faults the result has at most."""


def validate(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, Any]:
    """Write the verification next to the manifest. Idempotent.

    Returns {"verified": true, "how": [...], "seconds": float, "new": whether this run created the backup, of all tables},
    with the "signature" to compute for the verification, and the "manifest" that was verified.
    Raises ``DamagedBackup`` with the faults, after writing them.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
        stored = manifest.read_signed(
            s3, settings.backup_bucket, run.dataset.name, run.backup_id, run.manifest
        )
        backup = stored.manifest
        cursor.execute(
            "SELECT how, faults, extract(epoch FROM clock_timestamp() - verify_from)::float8 FROM dataforge.backups"
            " WHERE run_id = %s",
            (run_id,),
        )
        how, faults, seconds = one_row(cursor)
        faults += [*_file_faults(cursor, run_id), *_table_faults(cursor, run_id, backup)]
    found = Verification(
        backup_id=run.backup_id,
        verified=not faults,
        how=tuple(how),
        verified_at=datetime.now(UTC),
        seconds=round(seconds, 3),
        faults=tuple(faults[:_SHOWN]),
        manifest_sha256=stored.reference.sha256,
    )
    write_verification(s3, settings.backup_bucket, run.dataset.name, found)
    if faults:
        raise DamagedBackup(run.backup_id, found.faults)
    whole = {entry.table for entry in backup.tables} == set(run.dataset.tables)
    return {
        "verified": True,
        "how": how,
        "seconds": found.seconds,
        "new": whole and run.backup_id == run.id,
        "signature": found.reference._asdict(),
        "manifest": stored.reference._asdict(),
    }


def _file_faults(cursor: Cursor, run_id: str) -> Iterator[str]:
    cursor.execute(
        "SELECT key, coalesce(fault, 'was not checked') FROM dataforge.backup_checks"
        ' WHERE run_id = %s AND (fault IS NOT NULL OR checked_at IS NULL) ORDER BY "table", key',
        (run_id,),
    )
    for key, fault in cursor.fetchall():
        yield f"{key} {fault}"


def _table_faults(cursor: Cursor, run_id: str, backup: Manifest) -> Iterator[str]:
    """Tables with an inconsistent entry, or whose intact files together differ from the entry."""
    cursor.execute(
        'SELECT "table", coalesce(sum(rows), 0), coalesce(sum(hash_total), 0) FROM dataforge.backup_checks WHERE run_id = %s'
        ' GROUP BY "table" HAVING count(fault) = 0',
        (run_id,),
    )
    found = {table: (int(rows), content_hash(int(total))) for table, rows, total in cursor.fetchall()}
    for entry in backup.tables:
        if entry.fault:
            yield entry.fault
        want = (entry.rows, entry.content_hash)
        if (have := found.get(entry.table, want)) != want:
            yield f"{entry.table} has {have[0]} rows with the hash {have[1]}, not {want[0]} with {want[1]}"
