"""Write rows of a table as one file of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.bulk import parquet
from dataforge.postgres import ddl
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.runs.exports import ExportFile, Format
from dataforge.s3.keys import export_file_key
from dataforge.s3.upload import uploading
from dataforge.tables.catalogue import Table
from functions.export.lines import write_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


MEDIA = {"parquet": "application/vnd.apache.parquet", "ndjson": "application/x-ndjson"}
ALL = Sql("true")
"""The condition of all rows."""


def rows_and_hash(cursor: Cursor, table: Table, condition: Sql = ALL) -> tuple[int, int]:
    """The number of rows that meet the condition, and the sum of their hashes."""
    cursor.execute(
        Sql("SELECT count(*), coalesce(sum({}), 0) FROM {} WHERE {}").format(
            row_hash_of(cursor, table), ddl.qualified(table), condition
        )
    )
    rows, total = one_row(cursor)
    return rows, int(total)


def write_file(
    cursor: Cursor,
    s3: S3Client,
    bucket: str,
    export_id: str,
    table: Table,
    form: Format,
    rows: int,
    condition: Sql = ALL,
    *,
    part: int | None = None,
) -> ExportFile:
    """Write the rows that meet the condition; ``rows`` is their number. ``part``: of a table with several files."""
    key = export_file_key(export_id, table.name, form, part)
    with uploading(s3, bucket, key, MEDIA[form]) as upload:
        if form == "parquet":
            parquet.write(cursor, table, parquet.copy_sql(table, condition), upload)
        else:
            write_lines(cursor, table, upload, condition)
        made = upload.finish()
    return ExportFile(bucket=bucket, key=key, rows=rows, size=made.size, sha256=made.sha256)
