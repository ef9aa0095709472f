"""The end of a backup: what the workers wrote is there as they wrote it, and the manifest makes it exist."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.errors import DamagedBackup, NotReconciled
from dataforge.postgres.connection import transaction
from dataforge.records.validate import content_hash
from dataforge.s3.keys import manifest_key, part_key
from dataforge.s3.objects import list_objects
from dataforge.settings import BackupSettings
from dataforge.tables.catalogue import Table
from functions.backup.run import Run, read_run
from functions.backup.signals import signal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


class Part(NamedTuple):
    """What a worker noted of its file."""

    table: str
    part: int
    rows: int
    hash_total: Decimal
    size: int
    sha256: str
    etag: str

    @property
    def key(self) -> str:
        """The file's place in the backup's folder."""
        return part_key(self.table, self.part)


def finish(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, str]:
    """Write the manifest; from then on the backup exists, and nobody needs its snapshot. Returns its S3 URI.

    Repeating it is harmless. Raises ``NotReconciled`` if a part was not written, ``DamagedBackup`` if a file is not there
    as it was written, ``BackupExists`` if somebody else wrote the manifest, ``LeaseLost`` if the run was ended.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id, lock=True)
        if run.status != "written":
            run.must_run()
        parts = _parts(cursor, run)
        _check_files(s3, settings.backup_bucket, run, parts)
        uri = manifest.write(s3, settings.backup_bucket, _manifest(run, parts))
        cursor.execute("UPDATE dataforge.backups SET status = 'written' WHERE run_id = %s", (run_id,))
        signal(cursor)
    return {"manifest": uri}


def _parts(cursor: Cursor, run: Run) -> list[Part]:
    cursor.execute(
        'SELECT "table", part, rows, hash_total, size, sha256, etag FROM dataforge.backup_parts WHERE run_id = %s'
        ' ORDER BY "table", part',
        (run.id,),
    )
    rows = cursor.fetchall()
    left = [part_key(table, part) for table, part, *done in rows if None in done]
    parts = [Part(*row) for row in rows]
    left += [table.name for table in run.tables if not any(part.table == table.name for part in parts)]
    if left:
        raise NotReconciled(f"Not written: {', '.join(left)}.")
    return parts


def _check_files(s3: S3Client, bucket: str, run: Run, parts: list[Part]) -> None:
    """The files are there in the versions that the workers wrote, and no others."""
    found = {o.key: (o.size, o.etag) for o in list_objects(s3, bucket, run.folder)}
    found.pop(manifest_key(run.dataset.name, run.backup_id), None)
    written = {run.folder + part.key: (part.size, part.etag) for part in parts}
    faults = [f"{key} is missing" for key in written.keys() - found.keys()]
    faults += [f"{key} is no part of it" for key in found.keys() - written.keys()]
    faults += [f"{key} was replaced" for key in written.keys() & found.keys() if written[key] != found[key]]
    if faults:
        raise DamagedBackup(run.id, sorted(faults))


def _manifest(run: Run, parts: list[Part]) -> Manifest:
    if run.created_at is None:
        raise NotReconciled(f"No snapshot was taken for backup {run.id}.")
    return Manifest(
        backup_id=run.id,
        dataset=run.dataset.name,
        kind="backup",
        created_at=run.created_at,
        tables=tuple(_entry(table, [p for p in parts if p.table == table.name]) for table in run.tables),
    )


def _entry(table: Table, parts: list[Part]) -> TableEntry:
    columns = manifest.column_entries(table)
    return TableEntry(
        table=table.name,
        rows=sum(part.rows for part in parts),
        content_hash=content_hash(sum(int(part.hash_total) for part in parts)),
        schema_fingerprint=manifest.fingerprint(columns),
        columns=columns,
        files=tuple(FileEntry(key=p.key, rows=p.rows, size=p.size, sha256=p.sha256) for p in parts),
    )
