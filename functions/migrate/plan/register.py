"""What the plan enters into the ledger: files, their ranges, the run's tables; and the shadows that it creates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dataforge.postgres import shadow
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.s3.objects import Object
from functions.migrate.plan.layout import Layout
from functions.migrate.run.ledger import folder_values_json, ignored_files_json
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def forget(cursor: Cursor, run: Run) -> None:
    """What an earlier try of the plan left."""
    for name in ("migration_chunks", "migration_files", "migration_tables"):
        cursor.execute(Sql("DELETE FROM dataforge.{} WHERE migration_id = %s").format(ident(name)), (run.id,))
    shadow.drop(cursor, run.id)


def enter_tables(cursor: Cursor, run: Run) -> None:
    """Enter the tables, decide between swap and merge, and create the shadows."""
    mode = "swap" if shadow.replaceable(cursor, run.dataset, run.tables) else "merge"
    cursor.execute("UPDATE dataforge.migrations SET mode = %s WHERE migration_id = %s", (mode, run.id))
    shadow.create(cursor, run.id, run.tables)
    for table in run.tables:
        cursor.execute(
            'INSERT INTO dataforge.migration_tables (migration_id, dataset, "table") VALUES (%s, %s, %s)',
            (run.id, run.dataset.name, table.name),
        )


def enter_ignored(cursor: Cursor, run: Run, ignored: Mapping[str, str]) -> None:
    """Enter the keys of the files below the prefix that the run does not read, with the reasons."""
    cursor.execute(
        "UPDATE dataforge.migrations SET ignored_files = %s WHERE migration_id = %s",
        (ignored_files_json(ignored), run.id),
    )


def enter_file(
    cursor: Cursor, run: Run, number: int, file: Object, source: str, layout: Layout
) -> list[dict[str, Any]]:
    """Enter a file and its ranges; returns the ranges that must be scanned, as work items."""
    cursor.execute(
        "INSERT INTO dataforge.migration_files (migration_id, file_number, bucket, key, etag, size, source, header,"
        " data_start, data_end, compression, folder_values) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(run.id, number, file.bucket, file.key, file.etag, file.size),
            *(source, list(layout.header), layout.start, layout.end, layout.compression),
            folder_values_json(layout.folder_values),
        ),
    )
    cursor.execute(
        "SELECT coalesce(max(chunk) + 1, 0) FROM dataforge.migration_chunks WHERE migration_id = %s",
        (run.id,),
    )
    first = one_row(cursor)[0]
    execute_values(
        cursor,
        "INSERT INTO dataforge.migration_chunks (migration_id, chunk, file_number, range_start, first_line) VALUES %s",
        [(run.id, first + i, number, start, line) for i, (start, _, line) in enumerate(layout.ranges)],
    )
    place = {"bucket": file.bucket, "key": file.key, "etag": file.etag, "size": file.size}
    place["compression"] = layout.compression
    return [
        {"step": "scan", "migration_id": run.id, "chunk": first + i, "start": start, "end": end, **place}
        for i, (start, end, _) in enumerate(layout.ranges)
        if layout.scanned
    ]


def sizes(cursor: Cursor, run: Run) -> dict[str, int]:
    """How much there is to load for each table: bytes of CSV, rows of Parquet, rejections."""
    feeds = {source.file: source.tables for source in run.dataset.sources}
    found = Counter[str]()
    cursor.execute(
        "SELECT source, data_end - data_start FROM dataforge.migration_files WHERE migration_id = %s",
        (run.id,),
    )
    for source, size in cursor.fetchall():
        found.update({t.name: size for t in run.tables if not source or t.name in feeds[source]})
    return dict(found)
