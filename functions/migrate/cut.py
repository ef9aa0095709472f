"""The chunks, once ranges are scanned: each begins with a record, none is cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg2.extras import execute_values

from dataforge.catalogue import Source
from dataforge.csvfile import Passage
from dataforge.database import Connection, transaction
from dataforge.objects import Object, put_json
from dataforge.roles import OWNER
from dataforge.settings import MigrationSettings
from functions.migrate.resume import loaded_chunks
from functions.migrate.run import Run, read_run


def cut(db: Connection, s3: Any, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Move the ranges' borders to the next record and write the load's work list. Returns bucket, key and count."""
    items: list[dict[str, Any]] = []
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        chosen = [table.name for table in run.tables]
        for number, (file, source, header, data_end) in _files(cursor, run).items():
            tables = [t for t in (source.tables if source else chosen) if t in chosen]
            chunks = list(_chunks(cursor, run, number, data_end))
            _store(cursor, run, chunks)
            common: dict[str, Any] = {"step": "load", "migration_id": run.id, "dataset": run.dataset.name}
            common |= {"file_number": number, "source": source.file if source else "", "header": header}
            common |= {"bucket": file.bucket, "key": file.key, "etag": file.etag, "size": file.size}
            common |= {"tables": tables, "progress": run.progress, "replay": run.replay is not None}
            items += [
                common | {"chunk": chunk, "start": start, "end": end, "line": line}
                for chunk, start, end, line in chunks
            ]
        loaded = loaded_chunks(cursor, run)
    # One item at least: a Distributed Map need not take an empty list, and a loaded chunk is left alone.
    items = [item for item in items if item["chunk"] not in loaded] or items[:1]
    key = f"{run.folder}load.json"
    put_json(s3, settings.report_bucket, key, items)
    return {"bucket": settings.report_bucket, "key": key, "count": len(items)}


def _files(cursor: Any, run: Run) -> dict[int, tuple[Object, Source | None, list[str], int]]:
    """The run's files by number: the object, its source (a replay has none), its header, where its records end."""
    cursor.execute(
        "SELECT file_number, bucket, key, etag, size, source, header, data_end FROM dataforge.migration_files"
        " WHERE migration_id = %s ORDER BY file_number",
        (run.id,),
    )
    sources = {source.file: source for source in run.dataset.sources}
    return {n: (Object(*place), sources.get(f), h, end) for n, *place, f, h, end in cursor.fetchall()}


def _chunks(cursor: Any, run: Run, number: int, data_end: int) -> Iterator[tuple[int, int, int, int]]:
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
        line = line if first_line is None else first_line
        entered = Passage(**scan["passages"]["F" if state == "S" else state]) if scan else Passage("S", 0, 0)
        if state == "S":
            starts.append((chunk, range_start, line))
        elif entered.first >= 0:
            starts.append((chunk, range_start + entered.first, line + entered.lines))
        state, line = entered.end, line + (scan["lines"] if scan else 0)
    ends = [start for _, start, _ in starts[1:]] + [data_end]
    for (chunk, start, line), end in zip(starts, ends, strict=True):
        yield chunk, start, end, line


def _store(cursor: Any, run: Run, chunks: list[tuple[int, int, int, int]]) -> None:
    """Enter the chunks into the ledger. A range in which no record begins keeps no bytes: it is no chunk."""
    execute_values(
        cursor,
        "UPDATE dataforge.migration_chunks c SET first_byte = v.a, end_byte = v.b, first_line = v.l"
        " FROM (VALUES %s) v (chunk, a, b, l) WHERE c.migration_id = "
        + cursor.mogrify("%s", (run.id,)).decode()
        + " AND c.chunk = v.chunk",
        chunks,
        template="(%s::integer, %s::bigint, %s::bigint, %s::bigint)",
    )
