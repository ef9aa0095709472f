"""The ledger's documents of the tables of a circle, which are resolved together, and of their parents."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from dataforge.runs.unattended.work import Unattended
from dataforge.tables.catalogue import Table
from functions.migrate.run.ledger import Resolved, read_resolved
from functions.migrate.run.migration import KNOWN, PREPARED, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_UNRESOLVED = """
    SELECT "table" FROM dataforge.migration_tables
    WHERE migration_id = %s AND "table" = ANY(%s) AND coalesce(settled->>'mode', '') IN ('', %s) ORDER BY 1
"""


def await_circle(
    cursor: Cursor, run: Run, circle: Sequence[Table], how: Unattended | None
) -> dict[str, Resolved | None]:
    """``read_circle``. If another call resolves the tables, its end is awaited until the deadline."""
    milliseconds = max(int(1000 * (how.deadline - time.monotonic())), 1) if how else 0
    cursor.execute(Sql("SET LOCAL lock_timeout = {}").format(milliseconds))
    found = read_circle(cursor, run, circle)
    cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return found


def read_circle(cursor: Cursor, run: Run, circle: Sequence[Table]) -> dict[str, Resolved | None]:
    """How the tables were resolved. Their rows in the ledger are locked until the transaction ends."""
    return {table.name: read_resolved(cursor, run.id, table.name, lock=True) for table in circle}


def resolved_already(run: Run, found: Mapping[str, Resolved | None]) -> dict[str, Resolved] | None:
    """The documents if all tables are resolved as the run is published now, or known; None otherwise."""
    ready = {run.mode, KNOWN}
    done = {name: resolved for name, resolved in found.items() if resolved and resolved.mode in ready}
    return done if len(done) == len(found) else None


def unresolved_parents(cursor: Cursor, run: Run, circle: Sequence[Table]) -> list[str]:
    """The other tables of the run that those of the circle reference, and that are not resolved."""
    parents = {key.parent for table in circle for key in table.foreign_keys}
    parents -= {table.name for table in circle}
    if not parents:
        return []
    cursor.execute(_UNRESOLVED, (run.id, list(parents), PREPARED))
    return [name for (name,) in cursor.fetchall()]
