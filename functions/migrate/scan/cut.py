"""The chunks, once ranges are scanned: each begins with a record, none is cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dataforge.formats.csv_boundaries import Passage
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.sql import Sql, literal
from dataforge.s3.keys import work_list_key
from dataforge.s3.objects import put_json
from dataforge.settings import MigrationSettings
from functions.migrate.lifecycle.resume import loaded_chunks
from functions.migrate.run.ledger import Scan
from functions.migrate.run.migration import Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def cut(db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Move the ranges' borders to the next record and write the load's work list. Returns bucket, key and count."""
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        cursor.execute(
            "SELECT file_number, data_end FROM dataforge.migration_files WHERE migration_id = %s ORDER BY 1",
            (run.id,),
        )
        for number, data_end in cursor.fetchall():
            _store(cursor, run, list(_chunks(cursor, run, number, data_end)))
        items = load_items(cursor, run)
        loaded = loaded_chunks(cursor, run)
    # One item at least: a Distributed Map need not take an empty list, and a loaded chunk is left alone.
    items = [item for item in items if item["chunk"] not in loaded] or items[:1]
    key = work_list_key(run.id, "load")
    put_json(s3, settings.report_bucket, key, items)
    return {"bucket": settings.report_bucket, "key": key, "count": len(items)}


def load_items(cursor: Cursor, run: Run) -> list[dict[str, Any]]:
    """The run's chunks, in file order, as what workers are told (``LoadItem``)."""
    cursor.execute(
        "SELECT c.chunk, c.first_byte, c.end_byte, c.first_line, f.file_number, f.bucket, f.key, f.etag, f.size, f.source,"
        " f.header, f.compression, f.folder_values"
        " FROM dataforge.migration_chunks c JOIN dataforge.migration_files f USING (migration_id, file_number)"
        " WHERE c.migration_id = %s AND c.first_byte IS NOT NULL ORDER BY f.file_number, c.first_byte, c.end_byte",
        (run.id,),
    )
    names = (
        "chunk",
        "start",
        "end",
        "line",
        "file_number",
        "bucket",
        "key",
        "etag",
        "size",
        "source",
        "header",
        "compression",
        "folder_values",
    )
    common: dict[str, Any] = {"step": "load", "migration_id": run.id, "dataset": run.dataset.name}
    common |= {"progress": run.progress, "replay": run.replay is not None}
    chosen = [table.name for table in run.tables]
    feeds = {source.file: [t for t in source.tables if t in chosen] for source in run.dataset.sources}
    found = [common | dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # A replay has no source: its records are rows of any of its tables.
    return [item | {"tables": feeds.get(item["source"], chosen)} for item in found]


def _chunks(cursor: Cursor, run: Run, number: int, data_end: int) -> Iterator[tuple[int, int, int, int]]:
    """The chunks of a file as (chunk, first byte, end, first line); each begins with a record, none is cut.

    The machine's state is carried from range to range; a range in which no record begins belongs to the chunk before.
    """
    cursor.execute(
        "SELECT chunk, range_start, first_line, scan FROM dataforge.migration_chunks"
        " WHERE migration_id = %s AND file_number = %s ORDER BY chunk",
        (run.id, number),
    )
    rows = cursor.fetchall()
    state, line = "S", rows[0][2]
    starts: list[tuple[int, int, int]] = []
    for chunk, range_start, first_line, scan in rows:
        scanned = None if scan is None else Scan.model_validate(scan)
        if scanned is None:
            line = first_line
        entered = scanned.passages["F" if state == "S" else state] if scanned else Passage("S", 0, 0)
        if state == "S":
            starts.append((chunk, range_start, line))
        elif entered.first >= 0:
            starts.append((chunk, range_start + entered.first, line + entered.lines))
        state, line = entered.end, line + (scanned.lines if scanned else 0)
    ends = [start for _, start, _ in starts[1:]] + [data_end]
    for (chunk, start, line), end in zip(starts, ends, strict=True):
        yield chunk, start, end, line


def _store(cursor: Cursor, run: Run, chunks: list[tuple[int, int, int, int]]) -> None:
    """Enter the chunks into the ledger. A range in which no record begins keeps no bytes: it is no chunk."""
    execute_values(
        cursor,
        Sql(
            "UPDATE dataforge.migration_chunks c SET first_byte = v.a, end_byte = v.b, first_line = v.l"
            " FROM (VALUES %s) v (chunk, a, b, l) WHERE c.migration_id = {} AND c.chunk = v.chunk"
        ).format(literal(run.id)),
        chunks,
        template="(%s::integer, %s::bigint, %s::bigint, %s::bigint)",
    )
