"""Queue of changes of large tables that the upkeep makes after a deployment. The ledger stores names, not statements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from dataforge.postgres.sql import Sql, ident

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Kind = Literal["validate", "index"]
"""A constraint to validate, or an index to build."""


class QueuedChange(NamedTuple):
    """Identity of a change in the ledger. ``name``: of the constraint or index."""

    dataset: str
    table: str
    kind: Kind
    name: str

    @property
    def relation(self) -> Sql:
        """The table, quoted."""
        return Sql("{}.{}").format(ident(self.dataset), ident(self.table))


def queue(cursor: Cursor, changes: Iterable[QueuedChange]) -> list[str]:
    """Register the changes. Returns all unfinished changes, including those that failed earlier."""
    for change in changes:
        cursor.execute(
            'INSERT INTO dataforge.schema_changes (dataset, "table", kind, name) VALUES (%s, %s, %s, %s)'
            ' ON CONFLICT (dataset, "table", kind, name) DO UPDATE SET queued_at = now(), finished_at = NULL',
            change,
        )
    cursor.execute(
        "UPDATE dataforge.schema_changes SET error = NULL WHERE finished_at IS NULL"
        " RETURNING kind || ' ' || dataset || '.' || \"table\" || '.' || name"
    )
    return sorted(name for (name,) in cursor.fetchall())
