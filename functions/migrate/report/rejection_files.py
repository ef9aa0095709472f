"""Write a run's rejections as JSON Lines for its report, with the same documents as the API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dataforge.runs.results.report import RejectionFile
from dataforge.s3 import rejected_texts
from dataforge.s3.keys import rejections_key, replayed_key
from dataforge.s3.objects import put_json
from dataforge.s3.rejected_texts import Location
from functions.migrate.run.migration import Run
from functions.migrate.run.rejections.read import read_uncounted
from functions.migrate.run.rejections.uncounted import Uncounted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


FILE_BYTES = 16 << 20
"""The size at which a file is complete. One file is in memory at a time."""

_BATCH = 1_000

_LINES = """
    SELECT concat(
        '{"id": ', id, %(names)s, ', "raw": ', raw, ', "errors": ', errors, %(run)s,
        ', "file": ', to_json(file), ', "line": ', line, ', "offset": ', "offset",
        '}, "rejected_at": "', to_char(rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '", "replayed_at": ',
        coalesce(to_json(to_char(replayed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'null'), '}'),
        raw_at::text
    FROM dataforge.rejections WHERE migration_id = %(id)s AND "table" = %(table)s ORDER BY id
"""
"""Concatenation takes two thirds of the time of json_build_object. The parameters are common to all rows."""


def write_rejections(cursor: Cursor, s3: S3Client, bucket: str, run: Run) -> list[RejectionFile]:
    """Write ``rejections/<migration_id>/<table>/report-<n>.jsonl``, in the order of rejection. Repeating it is harmless.

    Returns the files, and those of the rejections that are only in the report bucket.
    """
    written, uncounted = [], read_uncounted(cursor, run.id)
    for table in run.tables:
        lines = _lines(cursor, s3, bucket, run, table.name)
        for number, (body, rows) in enumerate(_files(lines), start=1):
            key = rejections_key(run.id, table.name, number)
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/x-ndjson")
            written.append(RejectionFile(table=table.name, rows=rows, uri=f"s3://{bucket}/{key}"))
        others = uncounted.get(table.name, Uncounted()).files
        written += [
            RejectionFile(table=table.name, rows=rows, uri=f"s3://{bucket}/{key}")
            for key, rows in others.items()
        ]
    return written


def write_replayed(cursor: Cursor, s3: S3Client, bucket: str, run: Run) -> None:
    """After a replay, write the ids of the migration's rejections that are now stored, beside the files of all of them.

    Every replay writes a separate object, so that concurrent replays do not overwrite each other's.
    """
    if run.replay is None or not run.replay.migration_id:
        return
    source = run.replay.migration_id
    cursor.execute(
        "SELECT id FROM dataforge.rejections WHERE migration_id = %s AND replayed_at IS NOT NULL ORDER BY id",
        (source,),
    )
    ids = [number for (number,) in cursor.fetchall()]
    put_json(s3, bucket, replayed_key(source, run.id), {"ids": ids})


def _lines(cursor: Cursor, s3: S3Client, bucket: str, run: Run, table: str) -> Iterator[bytes]:
    rows = cursor.connection.cursor(name="rejections")
    names = f', "dataset": {json.dumps(run.dataset.name)}, "table": {json.dumps(table)}'
    source = f', "source": {{"migration_id": {json.dumps(run.id)}'
    rows.execute(_LINES, {"names": names, "run": source, "id": run.id, "table": table})
    while some := rows.fetchmany(_BATCH):
        located = [Location.model_validate_json(location) for _, location in some if location]
        records = (record for _, record in rejected_texts.read(s3, bucket, located))
        for text, location in some:
            document = text
            if location:
                document = rejected_texts.complete(
                    text, Location.model_validate_json(location), next(records)
                )
            # PostgreSQL preserves the whitespace of a stored document.
            yield document.replace("\n", " ").encode() + b"\n"
    rows.close()


def _files(lines: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """The contents of files of about ``FILE_BYTES``, with the number of their lines."""
    lines_of_file, size = [], 0
    for line in lines:
        lines_of_file.append(line)
        size += len(line)
        if size >= FILE_BYTES:
            yield b"".join(lines_of_file), len(lines_of_file)
            lines_of_file, size = [], 0
    if lines_of_file:
        yield b"".join(lines_of_file), len(lines_of_file)
