"""Verify a backup by restoring it into temporary tables, of which PostgreSQL computes the content hashes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import psycopg2

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.bulk import parquet
from dataforge.bulk.binary_copy import copy_batches
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.refusals import describe
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.records.validate import content_hash
from dataforge.s3.objects import download
from dataforge.settings import BackupSettings
from dataforge.tables.catalogue import Dataset, Table
from functions.backup.run import read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


SCHEMA = "pg_temp"
"""Private to the session: needs only the privilege TEMPORARY, writes no WAL, and is rolled back with the transaction."""


def trial_restore(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, bool]:
    """Load the backup's tables with keys, checks and foreign keys, compare them, and roll back.

    Returns {"restored": false} if files are damaged or larger than ``scratch_bytes`` in all, or if a table's columns differ
    from the catalogue's. Faults are recorded in the ledger. Idempotent.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
        backup = manifest.read(s3, settings.backup_bucket, run.dataset.name, run.backup_id, run.manifest)
        if not _can_restore(cursor, run_id, run.dataset, backup, settings.scratch_bytes):
            return {"restored": False}
    fault = _restore(db, s3, settings.backup_bucket, run.dataset, backup)
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.backups SET how = '{files, restored}', faults = faults || %s WHERE run_id = %s",
            ([fault] if fault else [], run_id),
        )
    return {"restored": True}


def _can_restore(cursor: Cursor, run_id: str, dataset: Dataset, backup: Manifest, limit: int) -> bool:
    cursor.execute(
        "SELECT count(*) FROM dataforge.backup_checks WHERE run_id = %s AND (fault IS NOT NULL OR checked_at IS NULL)",
        (run_id,),
    )
    sound = one_row(cursor)[0] == 0
    return (
        sound
        and backup.size <= limit
        and all(
            entry.table in dataset.tables
            and entry.columns == manifest.column_entries(dataset.table(entry.table))
            for entry in backup.tables
        )
    )


def _restore(db: Connection, s3: S3Client, bucket: str, dataset: Dataset, backup: Manifest) -> str:
    """The first fault of the restored tables, or ""."""
    names = [entry.table for entry in backup.tables]
    try:
        with translated(), db.cursor() as cursor:
            for wave in dataset.waves(names):
                tables = [dataset.table(name) for name in wave]
                for table in tables:
                    _fill(cursor, s3, bucket, backup, table)
                    _add(cursor, table, (*ddl.keys(table), *ddl.checks(table)))
                for table in tables:
                    _add(cursor, table, _foreign_keys(table, names))
                    if fault := _difference(cursor, backup, table):
                        return fault
    except (psycopg2.IntegrityError, psycopg2.DataError) as error:
        return f"cannot be restored: {describe(error)}"
    finally:
        if not db.closed:
            db.rollback()
    return ""


def _fill(cursor: Cursor, s3: S3Client, bucket: str, backup: Manifest, table: Table) -> None:
    cursor.execute(ddl.create_table(table, SCHEMA))
    for file in backup.table(table.name).files:
        data = download(s3, bucket, backup.folder + file.key)
        copy_batches(cursor, table, SCHEMA, parquet.read_batches(data or b""))


def _add(cursor: Cursor, table: Table, constraints: Iterable[tuple[str, Sql]]) -> None:
    for name, definition in constraints:
        cursor.execute(ddl.add_constraint(table, name, definition, SCHEMA))


def _foreign_keys(table: Table, names: Collection[str]) -> Iterator[tuple[str, Sql]]:
    """The foreign keys to parents that are in the backup."""
    return ((key.name, ddl.foreign_key(key, SCHEMA)) for key in table.foreign_keys if key.parent in names)


def _difference(cursor: Cursor, backup: Manifest, table: Table) -> str:
    cursor.execute(
        Sql("SELECT count(*), coalesce(sum({}), 0) FROM {}").format(
            row_hash_of(cursor, table), ddl.qualified(table, SCHEMA)
        )
    )
    rows, total = one_row(cursor)
    entry, found = backup.table(table.name), content_hash(int(total))
    if (rows, found) == (entry.rows, entry.content_hash):
        return ""
    return f"{table.name} restored has {rows} rows of {entry.rows}, and the hash {found} instead of {entry.content_hash}"
