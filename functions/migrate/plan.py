"""The plan: files, byte ranges, shadow tables; then, once ranges are scanned, the chunks between records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from psycopg2.extras import execute_values

from dataforge import leases, shadow
from dataforge.catalogue import Source
from dataforge.csvfile import Passage
from dataforge.database import Connection, transaction
from dataforge.objects import Object, list_objects, put_json
from dataforge.roles import OWNER
from dataforge.settings import MigrationSettings
from functions.migrate.resume import check_unchanged, has_loaded, loaded_chunks
from functions.migrate.run import Run, read_run
from functions.migrate.source import end_of, match_files, ranges, read_header


def plan(db: Connection, s3: Any, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Find and check the files, cut them into ranges, create the shadows.

    Returns the work list of the scan ("scan": bucket, key, count; a file of one range needs none) and "waves" of tables.
    Raises the errors of ``source`` before anything is created. Repeating it starts over, unless chunks are loaded: a run
    that is resumed keeps them, if its files are unchanged (``SourceChanged``).
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
    bucket = settings.raw_bucket
    names = [table.name for table in run.tables]
    files = match_files(run.dataset, names, list_objects(s3, bucket, run.prefix), bucket, run.prefix)
    with transaction(db, role=OWNER) as cursor:
        resumed = has_loaded(cursor, run)
        if resumed:
            leases.hold(cursor, run.execution, run.dataset.name, names)
            check_unchanged(cursor, run, (file for _, file in files))
    items = [] if resumed else _open(db, s3, settings, run, files)
    key = f"{run.folder}scan.json"
    put_json(s3, settings.report_bucket, key, items)
    _announce(s3, settings, run, [(source.tables, file.size) for source, file in files])
    waves = run.dataset.waves(names)
    return {"scan": {"bucket": settings.report_bucket, "key": key, "count": len(items)}, "waves": waves}


def _open(
    db: Connection, s3: Any, settings: MigrationSettings, run: Run, files: list[tuple[Source, Object]]
) -> list[dict[str, Any]]:
    """Enter files and ranges into the ledger and create the shadows; returns the ranges to scan."""
    headers = [read_header(s3, source, file) for source, file in files]
    with transaction(db, role=OWNER) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        _forget(cursor, run)
        items: list[dict[str, Any]] = []
        for number, ((source, file), (header, start, line)) in enumerate(zip(files, headers, strict=True)):
            cursor.execute(
                "INSERT INTO dataforge.migration_files VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    run.id,
                    number,
                    file.bucket,
                    file.key,
                    file.etag,
                    file.size,
                    source.file,
                    list(header),
                    start,
                ),
            )
            items += _insert_ranges(cursor, run, number, file, _cut(file, start, settings.chunk_bytes), line)
        _open_tables(cursor, run)
    return items


def _cut(file: Object, start: int, step: int) -> list[tuple[int, int]]:
    """The file's ranges. A compressed one is a single range: it can only be read from its beginning."""
    return [(start, end_of(file, start))] if file.compression else list(ranges(start, file.size, step))


def _forget(cursor: Any, run: Run) -> None:
    """What an earlier try of this step left."""
    for name in ("migration_chunks", "migration_files", "migration_tables"):
        cursor.execute(f"DELETE FROM dataforge.{name} WHERE migration_id = %s", (run.id,))
    shadow.drop(cursor, run.id)


def _open_tables(cursor: Any, run: Run) -> None:
    mode = "swap" if shadow.replaceable(cursor, run.dataset, run.tables) else "merge"
    cursor.execute("UPDATE dataforge.migrations SET mode = %s WHERE migration_id = %s", (mode, run.id))
    shadow.create(cursor, run.id, run.tables)
    for table in run.tables:
        cursor.execute(
            'INSERT INTO dataforge.migration_tables (migration_id, dataset, "table") VALUES (%s, %s, %s)',
            (run.id, run.dataset.name, table.name),
        )


def _insert_ranges(
    cursor: Any, run: Run, number: int, file: Object, cut: list[tuple[int, int]], line: int
) -> list[dict[str, Any]]:
    """Enter a file's ranges into the ledger; returns those that must be scanned."""
    cursor.execute(
        "SELECT coalesce(max(chunk) + 1, 0) FROM dataforge.migration_chunks WHERE migration_id = %s",
        (run.id,),
    )
    first = cursor.fetchone()[0]
    execute_values(
        cursor,
        "INSERT INTO dataforge.migration_chunks (migration_id, chunk, file_number, range_start, first_line) VALUES %s",
        [(run.id, first + i, number, a, line if i == 0 else None) for i, (a, _) in enumerate(cut)],
    )
    if len(cut) == 1:
        return []
    place = {"bucket": file.bucket, "key": file.key, "etag": file.etag, "size": file.size}
    return [
        {"step": "scan", "migration_id": run.id, "chunk": first + i, "start": a, "end": b, **place}
        for i, (a, b) in enumerate(cut)
    ]


def _announce(
    s3: Any, settings: MigrationSettings, run: Run, files: list[tuple[tuple[str, ...], int]]
) -> None:
    """Publish what is to be done, for whoever follows the run."""
    chosen = {table.name for table in run.tables}
    sizes: Counter[str] = Counter()
    for tables, size in files:
        sizes.update({table: size for table in tables if table in chosen})
    document = {"migration_id": run.id, "dataset": run.dataset.name, "bytes": sizes}
    put_json(s3, settings.report_bucket, f"{run.progress}plan.json", document)


def cut(db: Connection, s3: Any, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Move the ranges' borders to the next record and write the load's work list. Returns bucket, key and count."""
    items: list[dict[str, Any]] = []
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        chosen = {table.name for table in run.tables}
        for number, (file, source, header) in _files(cursor, run).items():
            tables = [t for t in source.tables if t in chosen]
            chunks = list(_chunks(cursor, run, number, file))
            _store(cursor, run, chunks)
            for chunk, start, end, line in chunks:
                items.append(
                    {"step": "load", "migration_id": run.id, "dataset": run.dataset.name, "chunk": chunk}
                    | {"file_number": number, "source": source.file, "header": header, "tables": tables}
                    | {"bucket": file.bucket, "key": file.key, "etag": file.etag, "size": file.size}
                    | {"start": start, "end": end, "line": line, "progress": run.progress}
                )
        loaded = loaded_chunks(cursor, run)
    # One item at least: a Distributed Map need not take an empty list, and a loaded chunk is left alone.
    items = [item for item in items if item["chunk"] not in loaded] or items[:1]
    key = f"{run.folder}load.json"
    put_json(s3, settings.report_bucket, key, items)
    return {"bucket": settings.report_bucket, "key": key, "count": len(items)}


def _files(cursor: Any, run: Run) -> dict[int, tuple[Object, Any, list[str]]]:
    cursor.execute(
        "SELECT file_number, bucket, key, etag, size, source, header FROM dataforge.migration_files"
        " WHERE migration_id = %s ORDER BY file_number",
        (run.id,),
    )
    sources = {source.file: source for source in run.dataset.sources}
    return {n: (Object(b, k, e, s), sources[f], h) for n, b, k, e, s, f, h in cursor.fetchall()}


def _chunks(cursor: Any, run: Run, number: int, file: Object) -> Iterator[tuple[int, int, int, int]]:
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
    for chunk, range_start, _, scan in rows:
        entered = Passage(**scan["passages"]["F" if state == "S" else state]) if scan else Passage("S", 0, 0)
        if state == "S":
            starts.append((chunk, range_start, line))
        elif entered.first >= 0:
            starts.append((chunk, range_start + entered.first, line + entered.lines))
        state, line = entered.end, line + (scan["lines"] if scan else 0)
    ends = [start for _, start, _ in starts[1:]] + [end_of(file, rows[0][1])]
    for (chunk, start, first_line), end in zip(starts, ends, strict=True):
        yield chunk, start, end, first_line


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
