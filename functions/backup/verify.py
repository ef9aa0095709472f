"""Read a backup's files and compare them with its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.bulk import parquet
from dataforge.bulk.row_hashes import digests, hash_total
from dataforge.bulk.row_texts import row_bodies
from dataforge.postgres.connection import transaction
from dataforge.runs.step_names import BackupStep
from dataforge.s3.keys import signature_key, verification_key, work_list_key
from dataforge.s3.objects import download, list_objects, put_json
from dataforge.settings import BackupSettings
from dataforge.tables.types.registry import column_type
from functions.backup.run import Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection

_ROWS = 1 << 14
"""Rows that are hashed at a time, each as a Python object. Twice as many take 26 MiB more, and no less time."""


class CheckItem(BaseModel):
    """A file to check, with its entry in the manifest and the types of its columns."""

    model_config = ConfigDict(frozen=True)

    step: str = BackupStep.CHECK_FILE
    run_id: str
    folder: str
    table: str
    columns: dict[str, str]
    file: FileEntry


def plan_checks(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, Any]:
    """Record the files to check in the ledger. Returns the ``key`` of their list in the report bucket and its ``count``.

    Repeating it discards earlier results. Raises ``NoSuchBackup``, or ``DamagedBackup`` if the manifest is invalid.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
        backup = manifest.read(s3, settings.backup_bucket, run.dataset.name, run.backup_id, run.manifest)
        faults = sorted(_listing_faults(s3, settings.backup_bucket, backup))
        cursor.execute(
            "UPDATE dataforge.backups SET verify_from = clock_timestamp(), how = '{files}', faults = %s WHERE run_id = %s",
            (faults, run_id),
        )
        items = [_item(run, backup, table, file) for table in backup.tables for file in table.files]
        cursor.executemany(
            'INSERT INTO dataforge.backup_checks (run_id, "table", key) VALUES (%s, %s, %s)'
            ' ON CONFLICT (run_id, "table", key)'
            " DO UPDATE SET rows = NULL, hash_total = NULL, fault = NULL, checked_at = NULL",
            [(run_id, item.table, item.file.key) for item in items],
        )
    key = work_list_key(run_id, "checks")
    put_json(s3, settings.report_bucket, key, [item.model_dump() for item in items])
    return {"key": key, "count": len(items)}


def _item(run: Run, backup: Manifest, table: TableEntry, file: FileEntry) -> CheckItem:
    columns = {column.name: column.type for column in table.columns}
    return CheckItem(run_id=run.id, folder=backup.folder, table=table.table, columns=columns, file=file)


def _listing_faults(s3: S3Client, bucket: str, backup: Manifest) -> Iterator[str]:
    """Objects in the backup's folder that are not in the manifest. Missing ones are found when they are read."""
    known = {backup.folder + file.key for table in backup.tables for file in table.files}
    where = (backup.dataset, backup.backup_id)
    known |= {backup.key, signature_key(*where), verification_key(*where)}
    for item in list_objects(s3, bucket, backup.folder):
        if item.key not in known:
            yield f"{item.key.removeprefix(backup.folder)} does not belong to it"


def check_file(db: Connection, s3: S3Client, settings: BackupSettings, item: CheckItem) -> str:
    """Read one file and record its content in the ledger. Returns its fault, or "". Idempotent."""
    data = download(s3, settings.backup_bucket, item.folder + item.file.key)
    rows = total = None
    fault = item.file.fault(data)
    if data is not None and not fault:
        try:
            rows, total = _content(item, data)
        except (pa.ArrowException, OSError, KeyError) as error:
            fault = f"cannot be read ({type(error).__name__})"
    if rows is not None and rows != item.file.rows:
        fault = f"has {rows} rows, not {item.file.rows}"
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.backup_checks SET rows = %s, hash_total = %s, fault = %s, checked_at = now()"
            ' WHERE run_id = %s AND "table" = %s AND key = %s',
            (rows, total, fault or None, item.run_id, item.table, item.file.key),
        )
    return fault


def _content(item: CheckItem, data: bytes) -> tuple[int, int]:
    """The number of rows of a file and the sum of their hashes."""
    types = {name: column_type(sql) for name, sql in item.columns.items()}
    rows = total = 0
    for batch in parquet.read_batches(data, _ROWS):
        rows += batch.num_rows
        total += hash_total(digests(row_bodies(types, batch)))
    return rows, total % 2**64
