"""The plan: files, byte ranges, shadow tables; or, of a replay, the rejections that are meant."""

from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg2.extras import execute_values

from dataforge import leases, shadow
from dataforge.catalogue import Source
from dataforge.database import Connection, transaction
from dataforge.errors import NoFiles
from dataforge.objects import Object, list_objects, put_json
from dataforge.roles import OWNER
from dataforge.settings import MigrationSettings
from functions.migrate.corrections import read_corrections
from functions.migrate.replay import CHUNK, collect
from functions.migrate.resume import check_unchanged, has_loaded, loaded_so_far
from functions.migrate.run import Replay, Run, read_run
from functions.migrate.source import end_of, match_files, ranges, read_header


def plan(db: Connection, s3: Any, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Find and check the files, cut them into ranges, create the shadows.

    Returns the work list of the scan ("scan": bucket, key, count; a file of one range needs none) and "waves" of tables.
    Raises the errors of ``source`` before anything is created. Repeating it starts over, unless chunks are loaded: a run
    that is resumed keeps them, if its files are unchanged (``SourceChanged``).
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
    if run.replay is not None:
        _open_replay(db, s3, settings, run, run.replay)
        return _planned(s3, settings, run, [])
    bucket = settings.raw_bucket
    names = [table.name for table in run.tables]
    files = match_files(run.dataset, names, list_objects(s3, bucket, run.prefix), bucket, run.prefix)
    with transaction(db, role=OWNER) as cursor:
        resumed = has_loaded(cursor, run)
        if resumed:
            leases.hold(cursor, run.execution, run.dataset.name, names)
            check_unchanged(cursor, run, (file for _, file in files))
    items = [] if resumed else _open(db, s3, settings, run, files)
    _announce(db, s3, settings, run, [(source.tables, file.size) for source, file in files])
    return _planned(s3, settings, run, items)


def _planned(s3: Any, settings: MigrationSettings, run: Run, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the scan's work list; the step's result."""
    key = f"{run.folder}scan.json"
    put_json(s3, settings.report_bucket, key, items)
    waves = run.dataset.waves(table.name for table in run.tables)
    return {"scan": {"bucket": settings.report_bucket, "key": key, "count": len(items)}, "waves": waves}


def _open_replay(db: Connection, s3: Any, settings: MigrationSettings, run: Run, replay: Replay) -> None:
    """Collect the rejections to replay, from the ledger or as the files below the prefix correct them."""
    with transaction(db, role=OWNER) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        if not has_loaded(cursor, run):
            _forget(cursor, run)
            _open_tables(cursor, run)
            corrections = read_corrections(s3, _corrected(s3, settings, run)) if run.prefix else None
            count = collect(cursor, run, replay, corrections)
            pseudo = Object("", f"rejections of {replay}", "", count)
            _insert_file(cursor, run, 0, pseudo, "", (), 0, count)
            # One chunk at least: a Distributed Map need not take an empty list.
            _insert_ranges(cursor, run, 0, pseudo, list(ranges(0, count, CHUNK)), 0)
        cursor.execute("SELECT size FROM dataforge.migration_files WHERE migration_id = %s", (run.id,))
        (count,) = cursor.fetchone()
    _announce(db, s3, settings, run, [(tuple(t.name for t in run.tables), count)])


def _corrected(s3: Any, settings: MigrationSettings, run: Run) -> list[Object]:
    files = list(list_objects(s3, settings.raw_bucket, run.prefix))
    if not files:
        raise NoFiles(settings.raw_bucket, run.prefix)
    return files


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
            _insert_file(cursor, run, number, file, source.file, header, start, end_of(file, start))
            items += _insert_ranges(cursor, run, number, file, _cut(file, start, settings.chunk_bytes), line)
        _open_tables(cursor, run)
    return items


def _insert_file(
    cursor: Any,
    run: Run,
    number: int,
    file: Object,
    source: str,
    header: tuple[str, ...],
    start: int,
    end: int,
) -> None:
    cursor.execute(
        "INSERT INTO dataforge.migration_files VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(run.id, number, file.bucket, file.key, file.etag, file.size),
            *(source, list(header), start, end),
        ),
    )


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
    db: Connection, s3: Any, settings: MigrationSettings, run: Run, files: list[tuple[tuple[str, ...], int]]
) -> None:
    """Publish what is to be done, and what an earlier execution has done of it, for whoever follows the run."""
    chosen = {table.name for table in run.tables}
    sizes: Counter[str] = Counter()
    for tables, size in files:
        sizes.update({table: size for table in tables if table in chosen})
    document = {"migration_id": run.id, "dataset": run.dataset.name, "bytes": sizes}
    with transaction(db, role=OWNER) as cursor:
        document["loaded"] = loaded_so_far(cursor, run)
    put_json(s3, settings.report_bucket, f"{run.progress}plan.json", document)
