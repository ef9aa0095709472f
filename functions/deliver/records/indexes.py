"""Find filters without an index, whose pages can be slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.postgres.ddl import qualified
from dataforge.tables.catalogue import Table
from functions.deliver.records.filters import Filter

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


# Read from PostgreSQL, because an owner can add an index.
_LEADING = """
    SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = %s::regclass AND indisvalid AND indpred IS NULL
"""


def unindexed(cursor: Cursor, table: Table, filters: Sequence[Filter]) -> list[str]:
    """The columns of the filters that no index supports."""
    if not filters:
        return []
    cursor.execute(_LEADING, [qualified(table)])
    leading = {name for (name,) in cursor.fetchall()}
    return list(dict.fromkeys(f.column for f in filters if not f.ranged or f.column not in leading))
