"""Export a snapshot of one table to S3, or refer to the files of a backup with the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataforge.backups import manifest
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import export_new
from dataforge.postgres.visible_rows import require_declared, require_sound
from dataforge.records.validate import ROW_HASH, content_hash
from dataforge.runs import exports
from dataforge.runs.exports import Export, ExportFile, Format
from dataforge.settings import ExportSettings
from dataforge.tables.catalogue import Table
from functions.export.equal_backup import find_equal
from functions.export.files import rows_and_hash, write_file
from functions.export.pieces import export_in_pieces

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


_SIZE = "SELECT pg_table_size(%s::regclass)"


def export(
    db: Connection,
    s3: S3Client,
    settings: ExportSettings,
    export_id: str,
    table: Table,
    form: Format,
    deadline: float = math.inf,
) -> Export:
    """Export the table, and store the export's document in the report bucket.

    A large table is exported in pieces until the deadline, of ``time.monotonic``, and then by further calls. Repeating it is
    harmless: the document of the last one is stored. Raises ``Unavailable``, ``Busy``, ``WorkContinues``, ``SnapshotLost``.
    """
    with transaction(db) as cursor:
        require_declared(cursor, [table])
        cursor.execute(_SIZE, (ddl.qualified(table),))
        large = one_row(cursor)[0] >= settings.unattended_bytes
    if large:
        made = export_in_pieces(db, s3, settings, export_id, table, form, deadline)
        document = _document(export_id, table, form, made.created_at, made.rows, made.content, made.files)
    else:
        document = _export_whole(db, s3, settings, export_id, table, form)
    exports.write(s3, settings.report_bucket, document)
    return document


def _export_whole(
    db: Connection, s3: S3Client, settings: ExportSettings, export_id: str, table: Table, form: Format
) -> Export:
    with transaction(db) as cursor:
        export_new(cursor, [table])
        require_sound(cursor, [table])
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        rows, total = rows_and_hash(cursor, table)
        content = content_hash(total)
        found = None
        if form == "parquet":
            found = find_equal(cursor, s3, settings.backup_bucket, table, rows, content)
        if found is not None:
            return _document(export_id, table, form, taken, rows, content, found.files, found.backup_id)
        file = write_file(cursor, s3, settings.report_bucket, export_id, table, form, rows)
    return _document(export_id, table, form, taken, rows, content, [file])


def _document(
    export_id: str,
    table: Table,
    form: Format,
    created_at: str,
    rows: int,
    content: str,
    files: Iterable[ExportFile],
    backup_id: str | None = None,
) -> Export:
    return Export(
        export_id=export_id,
        dataset=table.dataset,
        table=table.name,
        format=form,
        created_at=created_at,
        rows=rows,
        content_hash=content,
        row_hash=ROW_HASH,
        columns=manifest.column_entries(table),
        backup_id=backup_id,
        files=tuple(files),
    )
