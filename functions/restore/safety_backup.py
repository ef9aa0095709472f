"""The safety backup: the tables that were replaced, as a backup of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dataforge.backups.page_ranges import count_parts, on_pages
from dataforge.bulk import parquet
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.s3.keys import backup_folder, part_key, work_list_key
from dataforge.s3.objects import put_json
from dataforge.s3.upload import uploading
from dataforge.settings import RestoreSettings
from dataforge.tables.catalogue import Table
from functions.restore.ledger import KeptPart
from functions.restore.run import Run, read_run
from functions.restore.work_items import KEEP, Piece, claim, done

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


class PartItem(Piece):
    """One part of a replaced table: its pages from ``first`` up to, not including, ``end``, and the object to be."""

    kept_schema: str
    bucket: str
    folder: str
    key: str
    first: int
    end: int


def plan_parts(db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str) -> dict[str, Any]:
    """Cut the replaced tables into parts. Returns {"key", "count"}: where their list lies, and its length.

    Repeating it gives the same parts: nobody writes to the tables any more.
    """
    items: list[dict[str, Any]] = []
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        for table in run.tables:
            items += _parts(cursor, settings, run, table)
    key = work_list_key(run.id, KEEP)
    put_json(s3, settings.report_bucket, key, items)
    return {"key": key, "count": len(items)}


def _parts(cursor: Cursor, settings: RestoreSettings, run: Run, table: Table) -> list[dict[str, Any]]:
    place = (run.id, KEEP, table.name)
    pages, wanted = count_parts(cursor, run.kept(table), settings.part_bytes)
    cursor.execute(
        'SELECT count(*) FROM dataforge.restore_pieces WHERE restore_id = %s AND step = %s AND "table" = %s',
        place,
    )
    (planned,) = one_row(cursor)
    parts = planned or wanted
    execute_values(
        cursor,
        'INSERT INTO dataforge.restore_pieces (restore_id, step, "table", piece) VALUES %s ON CONFLICT DO NOTHING',
        [(*place, number) for number in range(parts)],
    )
    return [
        {
            "step": KEEP,
            "restore_id": run.id,
            "dataset": run.dataset.name,
            "table": table.name,
            "piece": number,
            "kept_schema": run.kept_schema,
            "bucket": settings.backup_bucket,
            "folder": backup_folder(run.dataset.name, run.id),
            "key": part_key(table.name, number),
            "first": pages * number // parts,
            "end": pages * (number + 1) // parts,
        }
        for number in range(parts)
    ]


def keep_part(db: Connection, s3: S3Client, item: PartItem) -> int:
    """Write the part to S3, unless the ledger says that it is there. Returns the number of rows.

    It goes there as it is read, in bounded memory. The same part is the same file, so a second worker does no harm.
    """
    with transaction(db) as cursor:
        if not claim(cursor, item):
            return 0
        copy = parquet.copy_sql(item.declared, on_pages(item.first, item.end), item.kept_schema)
        with uploading(s3, item.bucket, item.folder + item.key, parquet.CONTENT_TYPE) as upload:
            written = parquet.write(cursor, item.declared, copy, upload)
            file = upload.finish()
        entry = {"key": item.key, "rows": written.rows, "size": file.size, "sha256": file.sha256}
        done(cursor, item, KeptPart(**entry, hash_total=written.hash_total))
    return written.rows
