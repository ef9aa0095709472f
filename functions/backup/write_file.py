"""Write one range of a table's pages, as of the run's snapshot, to a Parquet file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.backups.page_ranges import on_pages
from dataforge.bulk import parquet
from dataforge.postgres.connection import transaction
from dataforge.postgres.rows import one_row
from dataforge.s3.upload import Uploaded, uploading
from dataforge.settings import BackupSettings
from functions.backup.export_snapshot import read_by_snapshot
from functions.backup.plan import PageRange
from functions.backup.run import Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def write_file(db: Connection, s3: S3Client, settings: BackupSettings, item: PageRange) -> int:
    """Write the file, unless the ledger records it as written, and record it. Returns its rows.

    Idempotent: the same page range is always the same file. Raises ``LeaseLost`` if the run has ended, ``Busy`` and
    ``Unavailable``.
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
    db: Connection, s3: S3Client, settings: BackupSettings, run: Run, item: PageRange
) -> tuple[parquet.Written, Uploaded]:
    table = run.dataset.table(item.table)
    key = run.folder + item.key
    with (
        transaction(db) as cursor,
        uploading(s3, settings.backup_bucket, key, parquet.CONTENT_TYPE) as upload,
    ):
        read_by_snapshot(db, cursor, run)
        # Parallel workers would return rows in any order, and each try would write other bytes.
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        copy = parquet.copy_sql(table, on_pages(item.first, item.end))
        written = parquet.write(cursor, table, copy, upload)
        return written, upload.finish()
