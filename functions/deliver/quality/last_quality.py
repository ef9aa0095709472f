"""The quality of a table in its last migration, which every page reports in a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING
from weakref import WeakSet

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor

_DIGITS = Decimal("0.0001")
# A replay reads only records that were rejected before.
_PUBLISHED = Sql("""
    FROM dataforge.migration_tables t JOIN dataforge.migrations m USING (migration_id)
    WHERE t.dataset = {} AND status = 'published' AND replay IS NULL
""")
_LAST_OF_EACH = Sql("""
    SELECT DISTINCT ON ("table") "table", t.quality, quality_threshold, migration_id, finished_at {}
    ORDER BY "table", migration_id DESC
""").format(_PUBLISHED.format(Sql("%s")))
# Planning takes longer than execution, and each page executes it.
_PREPARE_LAST = Sql("""
    PREPARE last_quality (text, text) AS
    SELECT t.quality, quality_threshold, migration_id, finished_at {} AND "table" = $2
    ORDER BY migration_id DESC LIMIT 1
""").format(_PUBLISHED.format(Sql("$1")))
_prepared: WeakSet[Connection] = WeakSet()


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
    if cursor.connection not in _prepared:
        cursor.execute(_PREPARE_LAST)
        _prepared.add(cursor.connection)
    cursor.execute("EXECUTE last_quality (%s, %s)", (table.dataset, table.name))
    row = cursor.fetchone()
    return LastQuality(*row) if row else LastQuality()


def last_qualities(cursor: Cursor, dataset: str) -> Mapping[str, LastQuality]:
    """The last quality of each table in the dataset. Tables that no migration has published are omitted."""
    cursor.execute(_LAST_OF_EACH, (dataset,))
    return {table: LastQuality(*values) for table, *values in cursor.fetchall()}
