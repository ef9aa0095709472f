"""Register files, ranges and tables in the ledger, and create the shadows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from dataforge.files.names import is_parquet
from dataforge.postgres import shadow
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.s3.objects import Object
from functions.migrate.plan.layout import Layout, Range
from functions.migrate.run.ledger import folder_values_json, ignored_files_json
from functions.migrate.run.migration import MERGE, SWAP, Run
from functions.migrate.run.rejections.limits import create_sequences
from functions.migrate.run.work_items import ScanItem

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def delete_plan(cursor: Cursor, run: Run) -> None:
    """Delete what an earlier attempt of the step registered and created."""
    for name in ("migration_chunks", "migration_files", "migration_tables"):
        cursor.execute(Sql("DELETE FROM dataforge.{} WHERE migration_id = %s").format(ident(name)), (run.id,))
    shadow.drop(cursor, run.id)


def register_tables(cursor: Cursor, run: Run) -> str:
    """Register the tables, choose between swap and merge, and create the shadows. Returns the mode."""
    mode = SWAP if shadow.replaceable(cursor, run.dataset, run.tables) else MERGE
    cursor.execute("UPDATE dataforge.migrations SET mode = %s WHERE migration_id = %s", (mode, run.id))
    shadow.create(cursor, run.id, run.tables)
    create_sequences(cursor, run.id, run.dataset.name, run.tables)
    for table in run.tables:
        cursor.execute(
            'INSERT INTO dataforge.migration_tables (migration_id, dataset, "table") VALUES (%s, %s, %s)',
            (run.id, run.dataset.name, table.name),
        )
    return mode


def register_ignored(cursor: Cursor, run: Run, ignored: Mapping[str, str]) -> None:
    """Register the keys of the files below the prefix that the run does not read, with the reasons."""
    cursor.execute(
        "UPDATE dataforge.migrations SET ignored_files = %s WHERE migration_id = %s",
        (ignored_files_json(ignored), run.id),
    )


def register_file(
    cursor: Cursor,
    run: Run,
    number: int,
    file: Object,
    source: str,
    layout: Layout,
    version: str | None = None,
    *,
    hashed: bool = False,
) -> list[ScanItem]:
    """Register a file and its ranges. Returns the ranges to scan. ``hashed``: also those that need only be hashed."""
    cursor.execute(
        "INSERT INTO dataforge.migration_files (migration_id, file_number, bucket, key, etag, size, source, header,"
        " data_start, data_end, compression, folder_values, record_end, archive, version)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(run.id, number, file.bucket, file.key, file.etag, file.size),
            *(source, list(layout.header), layout.start, layout.end, layout.compression),
            *(folder_values_json(layout.folder_values), layout.record_end, file.archive, version),
        ),
    )
    first = next_chunk(cursor, run)
    execute_values(
        cursor,
        "INSERT INTO dataforge.migration_chunks (migration_id, chunk, file_number, range_start, first_line) VALUES %s",
        [(run.id, chunk, number, r.start, r.line) for chunk, r in enumerate(layout.ranges, first)],
    )
    return list(scan_items(run, first, file, layout, hashed=hashed))


def next_chunk(cursor: Cursor, run: Run) -> int:
    """The number of the first chunk of the next file."""
    cursor.execute(
        "SELECT coalesce(max(chunk) + 1, 0) FROM dataforge.migration_chunks WHERE migration_id = %s",
        (run.id,),
    )
    return int(one_row(cursor)[0])


def scan_items(
    run: Run, first: int, file: Object, layout: Layout, *, hashed: bool = False
) -> Iterator[ScanItem]:
    """The ranges of a file to scan, or only to hash (``hashed``). ``first``: the number of its first range."""
    to_read = layout.ranges if layout.scanned else _to_hash(file, layout) if hashed else ()
    for chunk, item in enumerate(to_read, first):
        yield ScanItem(
            migration_id=run.id,
            chunk=chunk,
            bucket=file.bucket,
            key=file.key,
            etag=file.etag,
            size=file.size,
            compression=layout.compression,
            start=item.start,
            end=item.end,
            archive=file.archive,
            boundaries=layout.scanned,
            json_lines=layout.json_lines,
            **layout.marks,
        )


def _to_hash(file: Object, layout: Layout) -> list[Range]:
    """The ranges of bytes to hash for those of a file that is not scanned: those of Parquet are in rows."""
    if not is_parquet(file.key):
        return layout.ranges
    if file.archive:
        return []
    count = len(layout.ranges)
    borders = [file.size * index // count for index in range(count + 1)]
    return [Range(start, end, None) for start, end in pairwise(borders)]


def sizes(cursor: Cursor, run: Run) -> dict[str, int]:
    """The amount to load by table: bytes of CSV, rows of Parquet, or rejections."""
    feeds = {source.file: source.tables for source in run.dataset.sources}
    totals = Counter[str]()
    cursor.execute(
        "SELECT source, data_end - data_start FROM dataforge.migration_files WHERE migration_id = %s",
        (run.id,),
    )
    for source, size in cursor.fetchall():
        totals.update({t.name: size for t in run.tables if not source or t.name in feeds[source]})
    return dict(totals)
