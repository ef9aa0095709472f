"""Scan one byte range of a CSV or of JSON Lines for record boundaries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dataforge.formats import csv_boundaries, json_boundaries
from dataforge.postgres.connection import transaction
from dataforge.s3.objects import read_range
from functions.migrate.run.ledger import Scan, spent_since
from functions.migrate.run.work_items import ScanItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def scan_range(db: Connection, s3: S3Client, item: ScanItem) -> None:
    """Store the passage of each reader state through the range. Idempotent."""
    result = scanned(s3, item)
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET scan = %s WHERE migration_id = %s AND chunk = %s",
            (result.model_dump_json(), item.migration_id, item.chunk),
        )


def scanned(s3: S3Client, item: ScanItem) -> Scan:
    """The passage of each reader state through the range."""
    started = time.perf_counter()
    data = read_range(s3, item.object, item.start, item.end)
    if item.json_lines:
        passages, lines = json_boundaries.scan(data)
    else:
        passages, lines = csv_boundaries.scan(item.dialect.with_standard_marks(data))
    return Scan(passages=passages, lines=lines, **spent_since(started))
