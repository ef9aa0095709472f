"""Export a snapshot of one table to S3, or refer to the files of a backup with the same rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataforge.backups import manifest
from dataforge.bulk import parquet
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import export_new
from dataforge.postgres.sql import Sql
from dataforge.postgres.visible_rows import require_declared, require_sound
from dataforge.records.validate import ROW_HASH, content_hash
from dataforge.runs import exports
from dataforge.runs.exports import Export, ExportFile, Format
from dataforge.s3.keys import export_file_key
from dataforge.s3.upload import uploading
from dataforge.settings import ExportSettings
from dataforge.tables.catalogue import Table
from functions.export.equal_backup import find_equal
from functions.export.lines import write_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


MEDIA = {"parquet": "application/vnd.apache.parquet", "ndjson": "application/x-ndjson"}


def export(
    db: Connection, s3: S3Client, settings: ExportSettings, export_id: str, table: Table, form: Format
) -> Export:
    """Export the table, and store the export's document in the report bucket.

    Repeating it is harmless: the document of the last one is stored. Raises ``Unavailable``, ``Busy``.
    """
    with transaction(db) as cursor:
        require_declared(cursor, [table])
    with transaction(db) as cursor:
        export_new(cursor, [table])
        require_sound(cursor, [table])
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        rows, content = _rows_and_hash(cursor, table)
        found = None
        if form == "parquet":
            found = find_equal(cursor, s3, settings.backup_bucket, table, rows, content)
        if found is None:
            files = [_write(cursor, s3, settings.report_bucket, export_id, table, form, rows)]
        else:
            files = [*found.files]
    made = Export(
        export_id=export_id,
        dataset=table.dataset,
        table=table.name,
        format=form,
        created_at=taken,
        rows=rows,
        content_hash=content,
        row_hash=ROW_HASH,
        columns=manifest.column_entries(table),
        backup_id=found.backup_id if found else None,
        files=tuple(files),
    )
    exports.write(s3, settings.report_bucket, made)
    return made


def _rows_and_hash(cursor: Cursor, table: Table) -> tuple[int, str]:
    """The number of rows and their content hash."""
    cursor.execute(
        Sql("SELECT count(*), coalesce(sum({}), 0) FROM {}").format(
            row_hash_of(cursor, table), ddl.qualified(table)
        )
    )
    rows, total = one_row(cursor)
    return rows, content_hash(int(total))


def _write(
    cursor: Cursor, s3: S3Client, bucket: str, export_id: str, table: Table, form: Format, rows: int
) -> ExportFile:
    key = export_file_key(export_id, table.name, form)
    with uploading(s3, bucket, key, MEDIA[form]) as upload:
        if form == "parquet":
            parquet.write(cursor, table, parquet.copy_sql(table), upload)
        else:
            write_lines(cursor, table, upload)
        made = upload.finish()
    return ExportFile(bucket=bucket, key=key, rows=rows, size=made.size, sha256=made.sha256)
