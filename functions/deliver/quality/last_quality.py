"""The quality of a table in its last migration, which every page reports in a header."""

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
# A replay reads only records that were rejected before.
_LAST = """
    SELECT DISTINCT ON ("table") "table", migration_id, t.quality, quality_threshold, finished_at
    FROM dataforge.migration_tables t JOIN dataforge.migrations m USING (migration_id)
    WHERE t.dataset = %s AND status = 'published' AND replay IS NULL AND ("table" = %s OR %s IS NULL)
    ORDER BY "table", migration_id DESC
"""


@dataclass(frozen=True)
class LastQuality:
    """The last published migration of a table. Without one, the score is None."""

    score: Decimal | None = None
    threshold: Decimal = QUALITY_THRESHOLD
    migration_id: str | None = None
    finished_at: datetime | None = None

    def header(self) -> str:
        """The value of the header Data-Quality. The score is rounded down."""
        members = {"score": _rounded(self.score), "threshold": f"{self.threshold.normalize():f}"}
        members |= {"migration": self.migration_id}
        return ", ".join(f"{name}={value}" for name, value in members.items() if value is not None)


def _rounded(score: Decimal | None) -> str | None:
    return None if score is None else f"{score.quantize(_DIGITS, ROUND_FLOOR):f}"


def last_quality(cursor: Cursor, table: Table) -> LastQuality:
    """The last quality of one table."""
    return _read(cursor, table.dataset, table.name).get(table.name, LastQuality())


def last_qualities(cursor: Cursor, dataset: str) -> Mapping[str, LastQuality]:
    """The last quality of each table in the dataset. Tables that no migration has published are omitted."""
    return _read(cursor, dataset, None)


def _read(cursor: Cursor, dataset: str, table: str | None) -> dict[str, LastQuality]:
    cursor.execute(_LAST, [dataset, table, table])
    return {
        name: LastQuality(quality, threshold, migration_id, finished)
        for name, migration_id, quality, threshold, finished in cursor.fetchall()
    }
