"""Divide the tables of a backup into page ranges, each of which becomes one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from dataforge.backups.page_ranges import count_parts
from dataforge.errors import Busy, TableChanged
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.visible_rows import require_sound
from dataforge.runs.step_names import BackupStep
from dataforge.s3.keys import part_key, work_list_key
from dataforge.s3.objects import put_json
from dataforge.settings import BackupSettings
from dataforge.tables.catalogue import Table
from functions.backup.export_snapshot import is_published
from functions.backup.run import Run, read_run
from functions.backup.signals import wait

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_SNAPSHOT_SECONDS = 60.0

_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class PageRange(BaseModel):
    """A file to write: the rows on the pages from ``first`` to before ``end`` (None: to the last)."""

    model_config = ConfigDict(frozen=True)

    step: str = BackupStep.WRITE_FILE
    run_id: str
    table: str
    part: int
    first: int
    end: int | None

    @property
    def key(self) -> str:
        """The file's key in the backup's folder."""
        return part_key(self.table, self.part)


def plan(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, Any]:
    """Wait for the snapshot, divide the tables, and record the page ranges in the ledger.

    Returns the ``key`` of their list in the report bucket, and its ``count``. Idempotent. Raises ``TableChanged`` if a
    table's columns differ from the catalogue's: the backup would lack them.
    """
    if not wait(db, lambda cursor: is_published(cursor, run_id), _SNAPSHOT_SECONDS):
        raise Busy(f"Backup {run_id} has no snapshot yet.")
    with transaction(db) as cursor:
        run = read_run(cursor, run_id).must_run()
        require_sound(cursor, run.tables)
        for table in run.tables:
            check_columns(cursor, table)
        divided = [item for table in run.tables for item in _divide(cursor, run, table, settings.part_bytes)]
        # The largest first, so that no worker has a large file left when the others have ended.
        items = [item for _, item in sorted(divided, key=lambda sized: -sized[0])]
        cursor.executemany(
            'INSERT INTO dataforge.backup_parts (run_id, "table", part) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING',
            [(run_id, item.table, item.part) for item in items],
        )
    key = work_list_key(run_id, "parts")
    put_json(s3, settings.report_bucket, key, [item.model_dump() for item in items])
    return {"key": key, "count": len(items)}


def check_columns(cursor: Cursor, table: Table) -> None:
    """Raises ``TableChanged``, which names every column that differs from the catalogue."""
    cursor.execute(_COLUMNS, (ddl.qualified(table),))
    have = {name: (kind, not_null) for name, kind, not_null in cursor.fetchall()}
    want = {c.name: (c.type.catalog, not c.nullable) for c in table.columns}
    differences = [f"column {name} is unknown" for name in have.keys() - want.keys()]
    differences += [f"column {name} is missing" for name in want.keys() - have.keys()]
    for name in want.keys() & have.keys():
        if have[name][0] != want[name][0]:
            differences.append(f"column {name} is {have[name][0]}, not {want[name][0]}")
        elif want[name][1] and not have[name][1]:
            differences.append(f"column {name} may be NULL")
    if differences:
        raise TableChanged(f"{table.dataset}.{table.name}", sorted(differences))


def _divide(cursor: Cursor, run: Run, table: Table, part_bytes: int) -> Iterator[tuple[int, PageRange]]:
    """The table's page ranges, of about ``part_bytes`` each, with their numbers of pages.

    An empty table has one range; the last one has no end.
    """
    pages, count = count_parts(cursor, ddl.qualified(table), part_bytes)
    count = max(count, 1)
    firsts = [pages * part // count for part in range(count)]
    for part, first in enumerate(firsts):
        end = firsts[part + 1] if part + 1 < count else None
        size = (pages if end is None else end) - first
        yield size, PageRange(run_id=run.id, table=table.name, part=part, first=first, end=end)
