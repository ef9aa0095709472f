"""The load: one chunk into the shadows, its rejections and its ledger entry, in one transaction."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from dataforge.formats.csv_boundaries import scan
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.records.rejections import store
from dataforge.s3.objects import read_range
from dataforge.tables.datasets import get_dataset
from functions.migrate.run.ledger import Effort, Scan, Tally, spent_since, tallies_json
from functions.migrate.run.reading.chunk import parts
from functions.migrate.run.work_items import LoadItem, ScanItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def scan_range(db: Connection, s3: S3Client, item: ScanItem) -> None:
    """Enter into the ledger what the range does to the reader's state. Repeating it is harmless."""
    started = time.perf_counter()
    passages, lines = scan(read_range(s3, item.object, item.start, item.end))
    result = Scan(passages=passages, lines=lines, **spent_since(started))
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET scan = %s WHERE migration_id = %s AND chunk = %s",
            (result.model_dump_json(), item.migration_id, item.chunk),
        )


def load_chunk(db: Connection, s3: S3Client, item: LoadItem) -> dict[str, Tally]:
    """Load the chunk, unless the ledger says that it is loaded. Returns the tally per table.

    Rows, rejections and ledger entry commit together, and the entry's lock keeps a second worker out: exactly once.
    """
    started = time.perf_counter()
    with transaction(db) as cursor:
        cursor.execute(
            "SELECT result FROM dataforge.migration_chunks WHERE migration_id = %s AND chunk = %s FOR UPDATE",
            (item.migration_id, item.chunk),
        )
        row = cursor.fetchone()
        if row is None or row[0] is not None:
            return {}
        tallies = _load(cursor, s3, item)
        effort = Effort.since(started)
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET tallies = %s, result = %s, loaded_at = clock_timestamp()"
            " WHERE migration_id = %s AND chunk = %s",
            (tallies_json(tallies), effort.model_dump_json(), item.migration_id, item.chunk),
        )
    return tallies


def _load(cursor: Cursor, s3: S3Client, item: LoadItem) -> dict[str, Tally]:
    tallies = {name: Tally() for name in item.tables}
    for part in parts(cursor, s3, item, get_dataset(item.dataset)):
        tallies[part.table.name].add(part)
        if part.batch.lines:
            lines = io.BytesIO(b"".join(part.batch.lines))
            cursor.copy_expert(shadow.copy_sql(part.table, item.migration_id), lines)
        if part.rejected:
            store(cursor, part.table, part.rejected)
    return tallies
