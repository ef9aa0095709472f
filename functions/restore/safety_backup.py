"""The safety backup: the replaced tables, written to S3 as a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.backups.page_ranges import count_parts, on_pages
from dataforge.bulk import parquet
from dataforge.errors import NotReconciled
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.records.validate import content_hash
from dataforge.runs.step_names import RestoreStep
from dataforge.s3.keys import backup_folder, part_key, work_list_key
from dataforge.s3.objects import put_json
from dataforge.s3.upload import uploading
from dataforge.settings import RestoreSettings
from dataforge.tables.catalogue import Table
from functions.restore.run import Run, read_run
from functions.restore.work_items import SavedPages, WorkItem, claim, record, results

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


class PageRange(WorkItem):
    """The pages of a replaced table from ``first`` to before ``end``, and the object to write them to."""

    kept_schema: str
    bucket: str
    folder: str
    key: str
    first: int
    end: int


def plan_safety_backup(
    db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str
) -> dict[str, Any]:
    """Divide the replaced tables into page ranges. Returns the ``key`` of their list in the report bucket and its ``count``.

    Idempotent: the replaced tables do not change.
    """
    items: list[dict[str, Any]] = []
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, run_id)
        for table in run.tables:
            items += _page_ranges(cursor, settings, run, table)
    key = work_list_key(run.id, RestoreStep.SAFETY_BACKUP)
    put_json(s3, settings.report_bucket, key, items)
    return {"key": key, "count": len(items)}


def _page_ranges(cursor: Cursor, settings: RestoreSettings, run: Run, table: Table) -> list[dict[str, Any]]:
    pages, wanted = count_parts(cursor, run.replaced(table), settings.part_bytes)
    count = len(results(cursor, run.id, RestoreStep.SAFETY_BACKUP, table.name, SavedPages)) or wanted
    execute_values(
        cursor,
        'INSERT INTO dataforge.restore_pieces (restore_id, step, "table", piece) VALUES %s ON CONFLICT DO NOTHING',
        [(run.id, RestoreStep.SAFETY_BACKUP, table.name, number) for number in range(count)],
    )
    return [
        {
            "step": RestoreStep.SAFETY_BACKUP,
            "restore_id": run.id,
            "dataset": run.dataset.name,
            "table": table.name,
            "piece": number,
            "kept_schema": run.replaced_schema,
            "bucket": settings.backup_bucket,
            "folder": backup_folder(run.dataset.name, run.id),
            "key": part_key(table.name, number),
            "first": pages * number // count,
            "end": pages * (number + 1) // count,
        }
        for number in range(count)
    ]


def save_pages(db: Connection, s3: S3Client, item: PageRange) -> int:
    """Write the page range to S3 in bounded memory, unless the ledger records it as written. Returns the number of rows.

    Idempotent: the same page range is always the same file.
    """
    with transaction(db) as cursor:
        if not claim(cursor, item):
            return 0
        copy = parquet.copy_sql(item.declared, on_pages(item.first, item.end), item.kept_schema)
        with uploading(s3, item.bucket, item.folder + item.key, parquet.CONTENT_TYPE) as upload:
            written = parquet.write(cursor, item.declared, copy, upload)
            file = upload.finish()
        entry = {"key": item.key, "rows": written.rows, "size": file.size, "sha256": file.sha256}
        record(cursor, item, SavedPages(**entry, hash_total=written.hash_total))
    return written.rows


def make_manifest(cursor: Cursor, run: Run) -> Manifest:
    """The manifest of the safety backup. Raises ``NotReconciled`` if rows were not written."""
    cursor.execute("SELECT switched_at FROM dataforge.restores WHERE restore_id = %s", (run.id,))
    (switched_at,) = one_row(cursor)
    return Manifest(
        backup_id=run.id,
        dataset=run.dataset.name,
        kind="safety",
        created_at=switched_at,
        tables=tuple(_entry(cursor, run, table) for table in run.tables),
    )


def _entry(cursor: Cursor, run: Run, table: Table) -> TableEntry:
    page_ranges = results(cursor, run.id, RestoreStep.SAFETY_BACKUP, table.name, SavedPages)
    files = [file for file in page_ranges if file is not None]
    cursor.execute(Sql("SELECT count(*) FROM {}").format(run.replaced(table)))
    (rows,) = one_row(cursor)
    if len(files) < len(page_ranges) or sum(file.rows for file in files) != rows:
        raise NotReconciled(
            f"The safety backup of {table.name} lacks some of {rows} rows. The replaced table is still in the database."
        )
    columns = manifest.column_entries(table)
    return TableEntry(
        table=table.name,
        rows=rows,
        content_hash=content_hash(sum(file.hash_total for file in files)),
        schema_fingerprint=manifest.fingerprint(columns),
        columns=columns,
        files=tuple(FileEntry.model_validate(file.model_dump(exclude={"hash_total"})) for file in files),
    )
