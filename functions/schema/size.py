"""How large a table is, for what a deployment may do to it."""

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
"""From so many rows on, nothing that scans, rewrites or indexes a table is done inside a deployment (docs/operations.md)."""

_ROWS = """
    SELECT CASE WHEN relpages > 0 AND reltuples >= 0 THEN reltuples::float8 / relpages ELSE 100 END
           * pg_relation_size(oid) / current_setting('block_size')::int
    FROM pg_class WHERE oid = %s::regclass
"""
"""As the planner estimates: the density that ANALYZE found (unknown: 100 rows in a page), times the pages there are."""


@dataclass(frozen=True)
class Size:
    """Whether a table has no row at all, and about how many it has."""

    empty: bool
    rows: int
    limit: int

    @property
    def large(self) -> bool:
        """Whether changes that read all rows are done later, or refused."""
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
        (rows,) = one_row(cursor)
        return cls(empty, int(rows), limit)
