"""Changes of large tables that a deployment leaves for the upkeep: names in the ledger, never statements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from dataforge.postgres.sql import Sql, ident

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Kind = Literal["validate", "index"]
"""A constraint to validate, or an index to build."""


class QueuedChange(NamedTuple):
    """What identifies a change in the ledger. ``name`` is the constraint's or the index's."""

    dataset: str
    table: str
    kind: Kind
    name: str

    @property
    def relation(self) -> Sql:
        """The table, quoted."""
        return Sql("{}.{}").format(ident(self.dataset), ident(self.table))


def queue(cursor: Cursor, changes: Iterable[QueuedChange]) -> list[str]:
    """Register the changes; returns all that are still to be done, those that failed before included."""
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
