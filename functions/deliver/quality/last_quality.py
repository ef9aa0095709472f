"""What the last migration has proven of a table: the quality that every page carries in a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

_DIGITS = Decimal("0.0001")
# A replay tells only what became of records that were rejected before.
_LAST = """
    SELECT DISTINCT ON ("table") "table", migration_id, t.quality, quality_threshold, finished_at
    FROM dataforge.migration_tables t JOIN dataforge.migrations m USING (migration_id)
    WHERE t.dataset = %s AND status = 'published' AND replay IS NULL AND ("table" = %s OR %s IS NULL)
    ORDER BY "table", migration_id DESC
"""


@dataclass(frozen=True)
class Proof:
    """The last published migration of a table; without one there is no score."""

    score: Decimal | None = None
    threshold: Decimal = QUALITY_THRESHOLD
    migration_id: str | None = None
    finished_at: datetime | None = None

    def header(self) -> str:
        """The value of Data-Quality. The score is rounded down: never better than it is."""
        members = {"score": shown(self.score), "threshold": f"{self.threshold.normalize():f}"}
        members |= {"migration": self.migration_id}
        return ", ".join(f"{name}={value}" for name, value in members.items() if value is not None)


def shown(score: Decimal | None) -> str | None:
    """A score to four digits, rounded down."""
    return None if score is None else f"{score.quantize(_DIGITS, ROUND_FLOOR):f}"


def last_proof(cursor: Cursor, table: Table) -> Proof:
    """What is proven of the table."""
    return _read(cursor, table.dataset, table.name).get(table.name, Proof())


def last_proofs(cursor: Cursor, dataset: str) -> Mapping[str, Proof]:
    """What is proven of the dataset's tables, by name; a table that no migration has published is left out."""
    return _read(cursor, dataset, None)


def _read(cursor: Cursor, dataset: str, table: str | None) -> dict[str, Proof]:
    cursor.execute(_LAST, [dataset, table, table])
    return {
        name: Proof(quality, threshold, migration_id, finished)
        for name, migration_id, quality, threshold, finished in cursor.fetchall()
    }
