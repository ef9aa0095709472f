"""Export a large table in files of page ranges, some in each call of the function, all as of one snapshot.

A backend of PostgreSQL holds the snapshot without a client: it executes a loop in the transaction that exported the
snapshot, until no function of the export was connected for ten minutes, or until the export is complete.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg2.errors
from pydantic import BaseModel

from dataforge.backups.page_ranges import count_parts, on_pages
from dataforge.errors import SnapshotLost, WorkContinues
from dataforge.postgres import ddl
from dataforge.postgres.backends import Backend, own_backend, terminate
from dataforge.postgres.connection import connect, transaction, translated
from dataforge.postgres.snapshot import export_new, read_as_of
from dataforge.postgres.sql import Sql, literal
from dataforge.postgres.visible_rows import require_sound
from dataforge.records.validate import content_hash
from dataforge.runs.exports import ExportFile, Format
from dataforge.runs.unattended.work import SESSION, connect_until, send
from dataforge.s3.keys import export_progress_key
from dataforge.s3.objects import download, put_json
from dataforge.settings import ExportSettings
from dataforge.tables.catalogue import Table
from functions.export.files import rows_and_hash, write_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


_WHAT = "the export"
_IDLE_SECONDS = 600
_HOLD = Sql("""
DECLARE
    seen timestamptz := clock_timestamp();
BEGIN
    WHILE clock_timestamp() < seen + interval {idle} LOOP
        PERFORM pg_sleep({pause}), pg_stat_clear_snapshot();
        IF EXISTS (SELECT FROM pg_stat_activity WHERE application_name = {name}) THEN
            seen := clock_timestamp();
        END IF;
    END LOOP;
END
""")
_HOLDS = "SELECT FROM pg_stat_activity WHERE pid = %s AND backend_start = %s AND state = 'active' AND query LIKE 'DO %%'"


class Progress(BaseModel):
    """The document of an export that is not complete: the backend that holds its snapshot, and the written files."""

    snapshot: str
    pid: int
    backend_start: datetime
    created_at: str
    pages: int
    parts: int
    hash_total: int = 0
    files: list[ExportFile] = []

    @property
    def backend(self) -> Backend:
        """The backend that holds the snapshot."""
        return self.pid, self.backend_start

    @property
    def condition(self) -> Sql:
        """The rows of the next file."""
        first, end = (self.pages * part // self.parts for part in (len(self.files), len(self.files) + 1))
        return on_pages(first, None if len(self.files) + 1 == self.parts else end)

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def content(self) -> str:
        """The content hash of the rows of all files."""
        return content_hash(self.hash_total)


def export_in_pieces(
    db: Connection,
    s3: S3Client,
    settings: ExportSettings,
    export_id: str,
    table: Table,
    form: Format,
    deadline: float,
) -> Progress:
    """Write files until all are written, or until the deadline (of ``time.monotonic``).

    Raises ``WorkContinues`` at the deadline, and ``SnapshotLost`` if the backend with the snapshot has ended.
    """
    with transaction(db) as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", (_name(export_id),))
    key = export_progress_key(export_id)
    stored = download(s3, settings.report_bucket, key)
    if stored is None:
        session = connect_until(lambda: connect(settings), deadline, export_id, _WHAT)
        progress = _hold_snapshot(session, db, settings, export_id, table)
        put_json(s3, settings.report_bucket, key, progress.model_dump(mode="json"))
    else:
        progress = Progress.model_validate_json(stored)
    begun = len(progress.files)
    while len(progress.files) < progress.parts:
        # Each call writes at least one file.
        if len(progress.files) > begun and time.monotonic() > deadline:
            raise WorkContinues(export_id, _WHAT)
        _write_next(db, s3, settings, export_id, table, form, progress)
        put_json(s3, settings.report_bucket, key, progress.model_dump(mode="json"))
    _release(db, progress)
    return progress


def _name(export_id: str) -> str:
    return f"export {export_id}"


def _hold_snapshot(
    session: Connection, db: Connection, settings: ExportSettings, export_id: str, table: Table
) -> Progress:
    try:
        with transaction(session) as cursor:
            for setting in SESSION:
                cursor.execute(setting)
        with translated():
            progress = _begin(session, settings, table)
        send(session, hold_statement(export_id), time.monotonic(), lambda: _is_held(db, progress))
    finally:
        session.close()
    return progress


def hold_statement(export_id: str, idle_seconds: float = _IDLE_SECONDS, pause_seconds: float = 1) -> Sql:
    """The statement that ends when no function of the export was connected for this long."""
    idle, pause = literal(f"{idle_seconds} seconds"), literal(str(pause_seconds))
    loop = _HOLD.format(idle=idle, pause=pause, name=literal(_name(export_id)))
    return Sql("DO {}").format(literal(loop))


def _begin(session: Connection, settings: ExportSettings, table: Table) -> Progress:
    """Begin the transaction with the snapshot, which stays open."""
    with session.cursor() as cursor:
        snapshot = export_new(cursor, [table])
        require_sound(cursor, [table])
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        pages, parts = count_parts(cursor, ddl.qualified(table), settings.part_bytes)
        pid, backend_start = own_backend(cursor)
    return Progress(
        snapshot=snapshot,
        pid=pid,
        backend_start=backend_start,
        created_at=created_at,
        pages=pages,
        parts=max(parts, 1),
    )


def _is_held(db: Connection, progress: Progress) -> bool:
    with transaction(db) as cursor:
        cursor.execute(_HOLDS, progress.backend)
        return cursor.fetchone() is not None


def _release(db: Connection, progress: Progress) -> None:
    with transaction(db) as cursor:
        terminate(cursor, progress.backend)


def _write_next(
    db: Connection,
    s3: S3Client,
    settings: ExportSettings,
    export_id: str,
    table: Table,
    form: Format,
    progress: Progress,
) -> None:
    """Write the next file, and add it to the progress."""
    with transaction(db) as cursor:
        try:
            read_as_of(cursor, [table], progress.snapshot)
        except (psycopg2.errors.InvalidParameterValue, psycopg2.errors.UndefinedObject):
            raise SnapshotLost(f"export {export_id}") from None
        condition = progress.condition
        rows, total = rows_and_hash(cursor, table, condition)
        part = len(progress.files)
        file = write_file(
            cursor, s3, settings.report_bucket, export_id, table, form, rows, condition, part=part
        )
    progress.files.append(file)
    progress.hash_total = (progress.hash_total + total) % 2**64
