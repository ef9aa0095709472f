"""One part of a backup: some pages of a table, read by the run's snapshot, become one Parquet file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.backups.page_ranges import on_pages
from dataforge.bulk import parquet
from dataforge.postgres.connection import transaction
from dataforge.postgres.rows import one_row
from dataforge.s3.upload import Uploaded, uploading
from dataforge.settings import BackupSettings
from functions.backup.export_snapshot import read_by_snapshot
from functions.backup.plan import PartItem
from functions.backup.run import Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def back_up(db: Connection, s3: S3Client, settings: BackupSettings, item: PartItem) -> int:
    """Write the part's file, unless it is written, and enter it in the ledger. Returns its rows.

    The same part always makes the same file, so that a second try replaces it by itself. Raises ``LeaseLost`` if the run
    has ended, ``Busy`` and ``Unavailable``.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, item.run_id).must_run()
        cursor.execute(
            'SELECT rows FROM dataforge.backup_parts WHERE run_id = %s AND "table" = %s AND part = %s',
            (item.run_id, item.table, item.part),
        )
        (rows,) = one_row(cursor)
    if rows is not None:
        return int(rows)
    written, file = _write(db, s3, settings, run, item)
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.backup_parts SET rows = %s, hash_total = %s, size = %s, sha256 = %s, etag = %s"
            ' WHERE run_id = %s AND "table" = %s AND part = %s AND rows IS NULL',
            (
                *(written.rows, written.hash_total, file.size, file.sha256, file.etag),
                *(item.run_id, item.table, item.part),
            ),
        )
    return written.rows


def _write(
    db: Connection, s3: S3Client, settings: BackupSettings, run: Run, item: PartItem
) -> tuple[parquet.Written, Uploaded]:
    table = run.dataset.table(item.table)
    key = run.folder + item.key
    with (
        transaction(db) as cursor,
        uploading(s3, settings.backup_bucket, key, parquet.CONTENT_TYPE) as upload,
    ):
        read_by_snapshot(db, cursor, run)
        # Workers of one query would deliver rows in any order, and other bytes with each try.
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        copy = parquet.copy_sql(table, on_pages(item.first, item.end))
        written = parquet.write(cursor, table, copy, upload)
        return written, upload.finish()
