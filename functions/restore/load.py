"""The load: one file of the backup into its table's shadow, after every byte of it was checked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import psycopg2
import pyarrow as pa

from dataforge.backups.manifest import FileEntry
from dataforge.bulk import parquet
from dataforge.bulk.binary_copy import copy_batch
from dataforge.errors import DamagedBackup
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.refusals import describe
from dataforge.s3.keys import backup_folder
from dataforge.s3.objects import download
from dataforge.tables.catalogue import Table
from functions.restore.ledger import LoadedFile
from functions.restore.run import narrowed
from functions.restore.work_items import Piece, claim, done

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


class FileItem(Piece):
    """One file of the backup to load from ``bucket``, with all that the manifest says of it."""

    backup_id: str
    bucket: str
    columns: tuple[str, ...]
    file: FileEntry

    def damaged(self, what: str) -> DamagedBackup:
        """The error that says what is wrong with the file."""
        return DamagedBackup(self.backup_id, [f"{self.file.key} {what}"])


def load_file(db: Connection, s3: S3Client, item: FileItem) -> int:
    """Load the file, unless the ledger says that it is loaded. Returns the number of rows.

    Rows and ledger entry commit together, and the entry's lock keeps a second worker out: exactly once.
    Raises ``DamagedBackup``.
    """
    with transaction(db) as cursor:
        if not claim(cursor, item):
            return 0
        rows = _copy(cursor, item, _checked(s3, item))
        done(cursor, item, LoadedFile(rows=rows))
    return rows


def _checked(s3: S3Client, item: FileItem) -> bytes:
    """The file's bytes; nothing decodes them before they are known to be those that were written."""
    data = download(s3, item.bucket, backup_folder(item.dataset, item.backup_id) + item.file.key)
    fault = item.file.fault(data)
    if data is None or fault:
        raise item.damaged(fault)
    return data


def _copy(cursor: Cursor, item: FileItem, data: bytes) -> int:
    table = narrowed(item.declared, item.columns)
    rows = 0
    try:
        for batch in _batches(item, table, data):
            copy_batch(cursor, table, shadow.schema_of(item.restore_id), batch)
            rows += batch.num_rows
    except (psycopg2.DataError, psycopg2.IntegrityError) as error:
        raise item.damaged(f"cannot be stored ({describe(error)})") from None
    if rows != item.file.rows:
        raise item.damaged(f"has {rows} rows, not {item.file.rows}")
    return rows


def _batches(item: FileItem, table: Table, data: bytes) -> Any:
    """The rows by batches; the file's columns are of the types that its table's are."""
    expected = {field.name: field.type for field in parquet.arrow_schema(table)}
    try:
        for batch in parquet.read_batches(io.BytesIO(data)):
            if {field.name: field.type for field in batch.schema} != expected:
                raise item.damaged("has other columns than its manifest says")
            yield batch
    except (pa.ArrowException, OSError) as error:
        raise item.damaged(f"cannot be read as Parquet ({type(error).__name__})") from None
