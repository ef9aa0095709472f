"""Load one chunk: its rows, its rejected records and its ledger entry, in one transaction."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.errors import ReadTimeout
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.records.text_budget import USE
from dataforge.settings import RejectionLimits
from dataforge.tables.datasets import get_dataset
from functions.migrate.run.declared import no_longer_fits, require_columns
from functions.migrate.run.known.digest import code_digest
from functions.migrate.run.ledger import Effort, Tally, tallies_json
from functions.migrate.run.reading.chunk import TextHash, read_chunk
from functions.migrate.run.rejections.store import RejectionStore
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_RESERVE_SECONDS = 30
"""The time that the last rows of a chunk and the commit may take."""


def _unlimited() -> float:
    return math.inf


def load_chunk(
    db: Connection,
    s3: S3Client,
    limits: RejectionLimits,
    item: LoadItem,
    seconds_left: Callable[[], float] = _unlimited,
) -> dict[str, Tally]:
    """Load the chunk exactly once. Returns the tally by table, empty if the chunk was loaded already.

    Rows, rejected records and ledger entry commit together; a lock on the entry excludes a second worker.
    ``seconds_left``: before the function is stopped. Raises ``ReadTimeout`` if they are not sufficient, and
    ``TableChanged`` if a deployment changed the columns since the run began.
    """
    try:
        return _load_once(db, s3, limits, item, seconds_left)
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
        # The run was closed, which drops its shadows.
        raise
    except (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.IntegrityError) as error:
        _refuse_changed(db, item, error)
        raise


def _refuse_changed(db: Connection, item: LoadItem, error: psycopg2.Error) -> None:
    """Raise ``TableChanged`` if the shadows, which refused rows, have other columns than are declared now."""
    tables = map(get_dataset(item.dataset).table, item.tables)
    with transaction(db) as cursor:
        require_columns(cursor, item.migration_id, tables)
    if isinstance(error, psycopg2.errors.NotNullViolation):
        table = get_dataset(item.dataset).table(str(error.diag.table_name))
        raise no_longer_fits(item.migration_id, table, f"column {error.diag.column_name} is NOT NULL")


def _load_once(
    db: Connection, s3: S3Client, limits: RejectionLimits, item: LoadItem, seconds_left: Callable[[], float]
) -> dict[str, Tally]:
    started = time.perf_counter()
    with transaction(db) as cursor:
        cursor.execute(
            "SELECT result, scan ? 'sha256' FROM dataforge.migration_chunks"
            " WHERE migration_id = %s AND chunk = %s FOR UPDATE",
            (item.migration_id, item.chunk),
        )
        row = cursor.fetchone()
        if row is None or row[0] is not None:
            return {}
        stores = _stores(cursor, s3, limits, item)
        text_hash = None if row[1] else TextHash()
        tallies = _load(cursor, s3, item, stores, seconds_left, text_hash)
        effort = Effort.since(started, text_hash.value if text_hash else None, code_digest())
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET tallies = %s, result = %s, loaded_at = clock_timestamp()"
            " WHERE migration_id = %s AND chunk = %s",
            (tallies_json(tallies), effort.as_json(), item.migration_id, item.chunk),
        )
        if used := sum(store.used for store in stores.values()):
            cursor.execute(USE, (item.dataset, used))
    return tallies


def _stores(
    cursor: Cursor, s3: S3Client, limits: RejectionLimits, item: LoadItem
) -> dict[str, RejectionStore]:
    """A store for the rejections of each table."""
    dataset, step = get_dataset(item.dataset), f"chunk-{item.chunk}"
    return {
        name: RejectionStore(cursor, s3, limits, item.migration_id, dataset.table(name), step)
        for name in item.tables
    }


def _load(
    cursor: Cursor,
    s3: S3Client,
    item: LoadItem,
    stores: Mapping[str, RejectionStore],
    seconds_left: Callable[[], float],
    text_hash: TextHash | None,
) -> dict[str, Tally]:
    tallies = {name: Tally() for name in item.tables}
    for records in read_chunk(cursor, s3, item, get_dataset(item.dataset), text_hash=text_hash):
        tallies[records.table.name].add(records)
        if records.batch.lines:
            lines = io.BytesIO(b"".join(records.batch.lines))
            cursor.copy_expert(shadow.copy_sql(records.table, item.migration_id), lines)
        if seconds_left() < _RESERVE_SECONDS:
            # Lambda's own time-out would be retried, in vain.
            raise ReadTimeout(item.key, item.start)
        if records.rejected:
            stores[records.table.name].add(records.rejected)
    for name, store in stores.items():
        tallies[name].uncounted = store.close()
    return tallies
