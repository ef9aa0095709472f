"""Check that the files in S3 are those that the workers wrote, and write the manifest, which completes the backup."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.errors import DamagedBackup, NotReconciled
from dataforge.postgres.connection import transaction
from dataforge.records.validate import content_hash
from dataforge.s3.keys import manifest_key, part_key, signature_key
from dataforge.s3.objects import list_objects
from dataforge.settings import BackupSettings
from dataforge.tables.catalogue import Table
from functions.backup.run import Run, read_run
from functions.backup.signals import signal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


class WrittenFile(NamedTuple):
    """A file as its worker recorded it in the ledger."""

    table: str
    part: int
    rows: int
    hash_total: Decimal
    size: int
    sha256: str
    etag: str

    @property
    def key(self) -> str:
        """The file's key in the backup's folder."""
        return part_key(self.table, self.part)


def write_manifest(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, str]:
    """Write the manifest, after which the snapshot is no longer needed. Idempotent.

    Returns its S3 URI, and the version and the SHA-256 to sign.

    Raises ``NotReconciled`` if a file was not written, ``DamagedBackup`` if an object was changed after its worker wrote it,
    ``BackupExists`` if the backup has another manifest, ``LeaseLost`` if the run has ended.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id, lock=True)
        if run.status != "written":
            run.must_run()
        files = _written_files(cursor, run)
        _check_files(s3, settings.backup_bucket, run, files)
        made = _manifest(run, files)
        written = manifest.write(s3, settings.backup_bucket, made)
        cursor.execute(
            "UPDATE dataforge.backups SET status = 'written', manifest_version = %s, manifest_sha256 = %s"
            " WHERE run_id = %s",
            (*written, run_id),
        )
        signal(cursor)
    return {"manifest": f"s3://{settings.backup_bucket}/{made.key}", **written._asdict()}


def _written_files(cursor: Cursor, run: Run) -> list[WrittenFile]:
    cursor.execute(
        'SELECT "table", part, rows, hash_total, size, sha256, etag FROM dataforge.backup_parts WHERE run_id = %s'
        ' ORDER BY "table", part',
        (run.id,),
    )
    rows = cursor.fetchall()
    missing = [part_key(table, part) for table, part, *done in rows if None in done]
    files = [WrittenFile(*row) for row in rows]
    missing += [table.name for table in run.tables if not any(file.table == table.name for file in files)]
    if missing:
        raise NotReconciled(f"Files of the backup were not written: {', '.join(missing)}.")
    return files


def _check_files(s3: S3Client, bucket: str, run: Run, files: list[WrittenFile]) -> None:
    """Raises ``DamagedBackup`` unless the folder has exactly the objects that the workers wrote."""
    found = {o.key: (o.size, o.etag) for o in list_objects(s3, bucket, run.folder)}
    for key_of in (manifest_key, signature_key):
        found.pop(key_of(run.dataset.name, run.backup_id), None)
    written = {run.folder + file.key: (file.size, file.etag) for file in files}
    faults = [f"{key} is missing" for key in written.keys() - found.keys()]
    faults += [f"{key} does not belong to it" for key in found.keys() - written.keys()]
    faults += [f"{key} was replaced" for key in written.keys() & found.keys() if written[key] != found[key]]
    if faults:
        raise DamagedBackup(run.id, sorted(faults))


def _manifest(run: Run, files: list[WrittenFile]) -> Manifest:
    if run.created_at is None:
        raise NotReconciled(f"No snapshot was taken for backup {run.id}.")
    return Manifest(
        backup_id=run.id,
        dataset=run.dataset.name,
        kind="backup",
        created_at=run.created_at,
        tables=tuple(_entry(table, [f for f in files if f.table == table.name]) for table in run.tables),
    )


def _entry(table: Table, files: list[WrittenFile]) -> TableEntry:
    columns = manifest.column_entries(table)
    return TableEntry(
        table=table.name,
        rows=sum(file.rows for file in files),
        content_hash=content_hash(sum(int(file.hash_total) for file in files)),
        schema_fingerprint=manifest.fingerprint(columns),
        columns=columns,
        files=tuple(FileEntry(key=f.key, rows=f.rows, size=f.size, sha256=f.sha256) for f in files),
    )
