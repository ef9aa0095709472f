"""The load: one chunk into the shadows, its rejections and its ledger entry, in one transaction."""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from dataforge import shadow
from dataforge.csvfile import scan
from dataforge.database import Connection, transaction
from dataforge.datasets import get_dataset
from dataforge.objects import read_range
from dataforge.rejections import store
from functions.migrate.items import LoadItem, ScanItem
from functions.migrate.parts import parts
from functions.migrate.records import Part
from functions.migrate.steps import effort


@dataclass
class Tally:
    """What became of a chunk's records for one table, so far."""

    read: int = 0
    rows: int = 0
    deduplicated: int = 0
    rejected: int = 0
    hash_total: int = 0
    cleanings: dict[str, int] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Count a part."""
        batch = part.batch
        self.read += batch.read
        self.rows += batch.rows
        self.deduplicated += batch.deduplicated
        self.rejected += len(part.rejected)
        self.hash_total = (self.hash_total + batch.hash_total) % 2**64
        for (column, name), times in batch.cleanings.items():
            what = f"{column}.{name}"
            self.cleanings[what] = self.cleanings.get(what, 0) + times


def scan_range(db: Connection, s3: Any, item: ScanItem) -> None:
    """Enter into the ledger what the range does to the reader's state. Repeating it is harmless."""
    started = time.perf_counter()
    passages, lines = scan(read_range(s3, item.object, item.start, item.end))
    result = {"passages": {state: asdict(passage) for state, passage in passages.items()}, "lines": lines}
    result |= effort(started)
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET scan = %s WHERE migration_id = %s AND chunk = %s",
            (json.dumps(result), item.migration_id, item.chunk),
        )


def load_chunk(db: Connection, s3: Any, item: LoadItem) -> dict[str, Tally]:
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
        result = {name: asdict(tally) for name, tally in tallies.items()} | effort(started)
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET result = %s, loaded_at = clock_timestamp()"
            " WHERE migration_id = %s AND chunk = %s",
            (json.dumps(result), item.migration_id, item.chunk),
        )
    return tallies


def _load(cursor: Any, s3: Any, item: LoadItem) -> dict[str, Tally]:
    tallies = {name: Tally() for name in item.tables}
    for part in parts(cursor, s3, item, get_dataset(item.dataset)):
        tallies[part.table.name].add(part)
        if part.batch.lines:
            lines = io.BytesIO(b"".join(part.batch.lines))
            cursor.copy_expert(shadow.copy_sql(part.table, item.migration_id), lines)
        if part.rejected:
            store(cursor, part.table, part.rejected)
    return tallies
