"""The ledger's documents of the tables of a circle, which are resolved together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dataforge.tables.catalogue import Table
from functions.migrate.run.ledger import Resolved, read_resolved
from functions.migrate.run.migration import KNOWN, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def read_circle(cursor: Cursor, run: Run, circle: Sequence[Table]) -> dict[str, Resolved | None]:
    """How the tables were resolved. Their rows in the ledger are locked until the transaction ends."""
    return {table.name: read_resolved(cursor, run.id, table.name, lock=True) for table in circle}


def resolved_already(run: Run, found: Mapping[str, Resolved | None]) -> dict[str, Resolved] | None:
    """The documents if all tables are resolved as the run is published now, or known; None otherwise."""
    ready = {run.mode, KNOWN}
    done = {name: resolved for name, resolved in found.items() if resolved and resolved.mode in ready}
    return done if len(done) == len(found) else None
