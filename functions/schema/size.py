"""Size of a table, which decides whether a deployment may scan or rewrite it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from functions.schema.apply.statements import busy

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


LARGE_ROWS = 1_000_000
"""Number of rows from which a deployment does not scan, rewrite or index a table (docs/operations.md)."""

_ROWS = """
    SELECT CASE WHEN relpages > 0 AND reltuples >= 0 THEN reltuples::float8 / relpages ELSE 100 END
           * pg_relation_size(oid) / current_setting('block_size')::int, pg_total_relation_size(oid)
    FROM pg_class WHERE oid = %s::regclass
"""
"""The planner's estimate: rows per page according to ANALYZE (100 if unknown), times the current number of pages."""


@dataclass(frozen=True)
class Size:
    """Whether a table is empty, its estimated number of rows, and its bytes with indexes and TOAST."""

    empty: bool
    rows: int
    limit: int
    bytes: int = 0

    @property
    def large(self) -> bool:
        """Whether changes that read all rows are queued or refused."""
        return not self.empty and self.rows >= self.limit

    @classmethod
    def of(cls, cursor: Cursor, relation: Sql, limit: int = LARGE_ROWS) -> Size:
        """The size of a table that exists; ``relation`` is its quoted name."""
        try:
            cursor.execute(Sql("SELECT NOT EXISTS (SELECT FROM {})").format(relation))
        except psycopg2.errors.LockNotAvailable:
            raise busy(relation.replace('"', "")) from None
        (empty,) = one_row(cursor)
        cursor.execute(_ROWS, (relation,))
        rows, size = one_row(cursor)
        return cls(empty, 0 if empty else int(rows), limit, size)

    @classmethod
    def none(cls) -> Size:
        """The size of a table that does not exist yet."""
        return cls(empty=True, rows=0, limit=LARGE_ROWS)
