"""Write a run's rejections as JSON Lines for its report, with the same documents as the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, literal
from dataforge.runs.results.report import RejectionFile
from dataforge.s3 import rejected_texts
from dataforge.s3.keys import rejections_key, replayed_key
from dataforge.s3.objects import put_json
from dataforge.s3.rejected_texts import Location
from functions.migrate.run.migration import Run
from functions.migrate.run.rejections.copied import Fields, copy_rows_out
from functions.migrate.run.rejections.read import read_uncounted
from functions.migrate.run.rejections.reasons import Reasons, StoredReason
from functions.migrate.run.rejections.uncounted import Uncounted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


FILE_BYTES = 16 << 20
"""The size at which a file is complete. One file is in memory at a time."""

_ROWS = Sql("""
    SELECT id, line, to_json(file), errors, "offset", raw,
        to_char(rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        to_char(replayed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        raw_at
    FROM dataforge.rejections WHERE migration_id = {} AND "table" = {} ORDER BY id
""")
_LOCATION = 8

_LINE = (
    b'{"id": %b, %b, "raw": %b, "errors": %b, "source": {"migration_id": %b, "file": %b, "line": %b, "offset": %b},'
    b' "rejected_at": "%b", "replayed_at": %b}\n'
)


def write_rejections(
    cursor: Cursor, s3: S3Client, bucket: str, run: Run
) -> tuple[list[RejectionFile], list[StoredReason]]:
    """Write ``rejections/<migration_id>/<table>/report-<n>.jsonl``, in the order of rejection. Repeating it is harmless.

    Returns the files, with those of the rejections that are only in the report bucket, and the reasons of the others.
    """
    written: list[RejectionFile] = []
    reasons: list[StoredReason] = []
    uncounted = read_uncounted(cursor, run.id)
    for table in run.tables:
        files = _TableFiles(s3, bucket, run, table.name)
        copy_rows_out(cursor, _ROWS.format(literal(run.id), literal(table.name)), files.add)
        files.close()
        written += files.files
        reasons += files.reasons.found()
        others = uncounted.get(table.name, Uncounted()).files
        written += [
            RejectionFile(table=table.name, rows=rows, uri=f"s3://{bucket}/{key}")
            for key, rows in others.items()
        ]
    return written, reasons


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


class _TableFiles:
    """Writes the files of a table, and counts the reasons of its rejections."""

    def __init__(self, s3: S3Client, bucket: str, run: Run, table: str) -> None:
        self._s3, self._bucket, self._run_id, self._table = s3, bucket, run.id, table
        self.reasons = Reasons(table)
        names = f'"dataset": {json.dumps(run.dataset.name)}, "table": {json.dumps(table)}'
        self._names, self._run = names.encode(), json.dumps(run.id).encode()
        self.files: list[RejectionFile] = []
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, rows: list[Fields]) -> None:
        """Add rejections in order."""
        lines = [self._line(row) for row in rows]
        places = [place for place, row in enumerate(rows) if row[_LOCATION]]
        locations = [Location.model_validate_json(rows[place][_LOCATION]) for place in places]
        records = rejected_texts.read(self._s3, self._bucket, locations)
        for place, (location, record) in zip(places, records, strict=True):
            document = rejected_texts.complete(lines[place].decode(), location, record)
            # The whitespace of a record in an object is as it was sent.
            lines[place] = document.replace("\n", " ").encode() + b"\n"
        elsewhere = {place for place, at in zip(places, locations, strict=True) if not at.in_source}
        self.reasons.add(row for place, row in enumerate(rows) if place not in elsewhere)
        for line in lines:
            self._add_line(line)

    def _line(self, row: Fields) -> bytes:
        number, line, file, errors, offset, raw, rejected_at, replayed_at, _ = row
        return _LINE % (
            *(number, self._names, raw, errors, self._run, file, line, offset, rejected_at),
            b'"%b"' % replayed_at if replayed_at else b"null",
        )

    def _add_line(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FILE_BYTES:
            self._write()

    def _write(self) -> None:
        if not self._lines:
            return
        key = rejections_key(self._run_id, self._table, len(self.files) + 1)
        self._s3.put_object(
            Bucket=self._bucket, Key=key, Body=b"".join(self._lines), ContentType="application/x-ndjson"
        )
        uri = f"s3://{self._bucket}/{key}"
        self.files.append(RejectionFile(table=self._table, rows=len(self._lines), uri=uri))
        self._lines, self._size = [], 0

    def close(self) -> None:
        """Write the last file, if it has lines."""
        self._write()
