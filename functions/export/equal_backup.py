"""Find a backup with the rows of a table, whose files are then the export.

Only backups that the ledger records as signed are compared: a principal that may write to the bucket can add others. Every
file is read and compared with the manifest; a damaged one is never part of an export.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from dataforge.backups import manifest
from dataforge.backups.bodies import UNVERSIONED
from dataforge.backups.manifest import FileEntry, Manifest, Reference
from dataforge.errors import DamagedBackup, NoSuchBackup
from dataforge.runs.exports import ExportFile
from dataforge.s3.objects import translated
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_BACKUPS_COMPARED = 10
"""The number of newest backups to compare with the table. Each takes a request."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class EqualBackup:
    """A backup whose rows of a table equal the current ones, and its files of the table."""

    backup_id: str
    files: tuple[ExportFile, ...]


def find_equal(
    cursor: Cursor, s3: S3Client, bucket: str, table: Table, rows: int, content: str
) -> EqualBackup | None:
    """The newest of the last backups with these rows. Damaged backups are ignored."""
    wanted = (rows, content, manifest.fingerprint(manifest.column_entries(table)))
    for backup_id, reference in _signed(cursor, table.dataset):
        try:
            found = manifest.read(s3, bucket, table.dataset, backup_id, reference)
            if found.kind == "backup" and wanted in _contents(found, table):
                return EqualBackup(backup_id, tuple(_checked_files(s3, bucket, found, table)))
        except (DamagedBackup, NoSuchBackup):
            continue
    return None


def _signed(cursor: Cursor, dataset: str) -> list[tuple[str, Reference]]:
    """The newest backups that were signed, and their manifests."""
    cursor.execute(
        "SELECT backup_id, manifest_version, manifest_sha256 FROM dataforge.backups"
        " WHERE dataset = %s AND run_id = backup_id AND signed_at IS NOT NULL ORDER BY backup_id DESC LIMIT %s",
        (dataset, _BACKUPS_COMPARED),
    )
    return [(backup_id, Reference(*reference)) for backup_id, *reference in cursor.fetchall()]


def _contents(found: Manifest, table: Table) -> list[tuple[int, str, str]]:
    """Rows, content hash and fingerprint of the table in the backup, if it contains the table."""
    return [(e.rows, e.content_hash, e.schema_fingerprint) for e in found.tables if e.table == table.name]


def _checked_files(s3: S3Client, bucket: str, found: Manifest, table: Table) -> Iterator[ExportFile]:
    """The table's files. Raises ``DamagedBackup`` if one differs from the manifest."""
    for file in found.table(table.name).files:
        key = found.folder + file.key
        yield ExportFile(
            bucket=bucket,
            key=key,
            rows=file.rows,
            size=file.size,
            sha256=file.sha256,
            version=_check(s3, bucket, key, file, found.backup_id),
        )


def _check(s3: S3Client, bucket: str, key: str, file: FileEntry, backup_id: str) -> str | None:
    """Read the file and compare its size and SHA-256. Returns its version id, if the bucket has versions."""
    digest, size = hashlib.sha256(), 0
    try:
        with translated(bucket, key):
            answer = s3.get_object(Bucket=bucket, Key=key)
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except ClientError as error:
        raise DamagedBackup(backup_id, [f"{file.key} cannot be read"]) from error
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        raise DamagedBackup(backup_id, [f"{file.key} differs from the manifest"])
    version = answer.get("VersionId", UNVERSIONED)
    return None if version == UNVERSIONED else version
