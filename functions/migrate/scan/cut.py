"""Cut scanned ranges into chunks of whole records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.runs.progress import LoadedChunk
from dataforge.runs.step_names import MigrationStep
from dataforge.s3.keys import work_list_key
from dataforge.s3.objects import put_json
from dataforge.settings import MigrationSettings
from functions.migrate.run.ledger import Scan
from functions.migrate.run.loaded import loaded_so_far
from functions.migrate.run.migration import Run, read_run
from functions.migrate.run.work_items import load_items
from functions.migrate.scan.chunks import Chunk, Scanned, chunks_of
from functions.migrate.scan.known import register_known

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def cut(db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Move each range's borders to the next record, find known tables, and write the work items of the load.

    Returns the bucket, key and count of the work items, of which the largest are the first, so that workers end together.
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        cursor.execute(
            "SELECT file_number, data_end FROM dataforge.migration_files WHERE migration_id = %s ORDER BY 1",
            (run.id,),
        )
        for number, data_end in cursor.fetchall():
            _store(cursor, run, list(_chunks(cursor, run, number, data_end)))
        known = [] if _loaded_chunks(cursor, run) else register_known(cursor, run)
        items = load_items(cursor, run)
        loaded = _loaded_chunks(cursor, run)
        sums = loaded_so_far(cursor, run) if known else {}
    for name, done in sums.items():
        _write_progress(s3, settings, run, LoadedChunk(name, 0, *done))
    # At least one item: a Distributed Map may refuse an empty list, and a worker skips a chunk that is loaded.
    items = [item for item in items if item.chunk not in loaded] or items[:1]
    items.sort(key=lambda item: item.start - item.end)
    key = work_list_key(run.id, MigrationStep.LOAD)
    put_json(s3, settings.report_bucket, key, [item.model_dump(mode="json") for item in items])
    return {"bucket": settings.report_bucket, "key": key, "count": len(items)}


def _write_progress(s3: S3Client, settings: MigrationSettings, run: Run, done: LoadedChunk) -> None:
    """Let clients that follow the run see that a known table needs no load."""
    s3.put_object(Bucket=settings.report_bucket, Key=run.progress + done.name, Body=b"")


def _chunks(cursor: Cursor, run: Run, number: int, data_end: int) -> Iterator[Chunk]:
    cursor.execute(
        "SELECT chunk, range_start, first_line, scan FROM dataforge.migration_chunks"
        " WHERE migration_id = %s AND file_number = %s ORDER BY chunk",
        (run.id, number),
    )
    ranges = [
        Scanned(chunk, start, line, _scan(document)) for chunk, start, line, document in cursor.fetchall()
    ]
    return chunks_of(ranges, data_end)


def _scan(document: object) -> Scan | None:
    """The scan of a range; None if it begins with a record, so that it was not scanned or only hashed."""
    scan = None if document is None else Scan.model_validate(document)
    return scan if scan and scan.passages else None


def _store(cursor: Cursor, run: Run, chunks: list[Chunk]) -> None:
    """Store the chunks' borders. A range in which no record begins has none: it is not a chunk."""
    execute_values(
        cursor,
        "UPDATE dataforge.migration_chunks c SET first_byte = v.a, end_byte = v.b, first_line = v.l"
        " FROM (VALUES %s) v (chunk, a, b, l, run) WHERE c.migration_id = v.run AND c.chunk = v.chunk",
        [(*chunk, run.id) for chunk in chunks],
        template="(%s::integer, %s::bigint, %s::bigint, %s::bigint, %s)",
    )


def _loaded_chunks(cursor: Cursor, run: Run) -> set[int]:
    """The numbers of the chunks that are loaded."""
    cursor.execute(
        "SELECT chunk FROM dataforge.migration_chunks WHERE migration_id = %s AND result IS NOT NULL",
        (run.id,),
    )
    return {chunk for (chunk,) in cursor.fetchall()}
