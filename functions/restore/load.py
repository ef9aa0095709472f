"""Load one file of a backup into the shadow of its table, after checking every byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg2
import pyarrow as pa

from dataforge.backups.manifest import ColumnEntry, FileEntry
from dataforge.bulk import parquet
from dataforge.bulk.binary_copy import copy_batches
from dataforge.errors import DamagedBackup
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.refusals import describe
from dataforge.s3.keys import backup_folder
from dataforge.s3.objects import download
from dataforge.tables.catalogue import Table
from functions.restore.run import narrowed
from functions.restore.stored import stored_table
from functions.restore.work_items import LoadedFile, WorkItem, claim, record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


class FileItem(WorkItem):
    """One file to load from ``bucket``, with its entry in the manifest and the columns of its table there."""

    backup_id: str
    bucket: str
    columns: tuple[str, ...]
    file: FileEntry
    stored: tuple[ColumnEntry, ...] = ()
    """All columns of the backup, if they are not the table's: then the file is loaded into ``stored_table``."""

    @property
    def target(self) -> Table:
        """The table that the file is loaded into, in the schema of the shadows."""
        if self.stored:
            return stored_table(self.declared, self.stored)
        return narrowed(self.declared, self.columns)

    def damaged(self, what: str) -> DamagedBackup:
        """The error for a file that ``what`` describes."""
        return DamagedBackup(self.backup_id, [f"{self.file.key} {what}"])


def load_file(db: Connection, s3: S3Client, item: FileItem) -> int:
    """Load the file, unless the ledger records it as loaded. Returns the number of rows.

    Exactly once: rows and ledger row commit together, and the lock on the ledger row excludes a second worker.
    Raises ``DamagedBackup``.
    """
    with transaction(db) as cursor:
        if not claim(cursor, item):
            return 0
        rows = _copy(cursor, item, _checked(s3, item))
        record(cursor, item, LoadedFile(rows=rows))
    return rows


def _checked(s3: S3Client, item: FileItem) -> bytes:
    """The file's bytes, checked against the manifest before anything decodes them."""
    data = download(s3, item.bucket, backup_folder(item.dataset, item.backup_id) + item.file.key)
    fault = item.file.fault(data)
    if data is None or fault:
        raise item.damaged(fault)
    return data


def _copy(cursor: Cursor, item: FileItem, data: bytes) -> int:
    table = item.target
    try:
        rows = copy_batches(cursor, table, shadow.schema_of(item.restore_id), _batches(item, table, data))
    except (psycopg2.DataError, psycopg2.IntegrityError) as error:
        raise item.damaged(f"cannot be stored ({describe(error)})") from None
    if rows != item.file.rows:
        raise item.damaged(f"has {rows} rows, not {item.file.rows}")
    return rows


def _batches(item: FileItem, table: Table, data: bytes) -> Iterator[pa.RecordBatch]:
    """The rows in batches. Raises ``DamagedBackup`` if the file's columns differ from the table's."""
    expected = {field.name: field.type for field in parquet.arrow_schema(table)}
    try:
        for batch in parquet.read_batches(data):
            if {field.name: field.type for field in batch.schema} != expected:
                raise item.damaged("has other columns than its manifest")
            yield batch
    except (pa.ArrowException, OSError) as error:
        raise item.damaged(f"cannot be read as Parquet ({type(error).__name__})") from None
