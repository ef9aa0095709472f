"""Prepare tables whose parents are not resolved yet: everything but the foreign keys is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dataforge.postgres import shadow
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.build import build_alone
from functions.migrate.resolve.reject import Resolution
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.declared import require_columns
from functions.migrate.run.ledger import Resolved, store_resolved
from functions.migrate.run.migration import PREPARED, SWAP, Run
from functions.migrate.run.whole_tables import work_beside_others

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


class _KeyRefused(Exception):
    """Rows must be rejected, which depends on the parents."""


def prepare(cursor: Cursor, run: Run, circle: Sequence[Table], before: Mapping[str, Resolved | None]) -> None:
    """Prepare the shadows of the tables of a circle, if they are to replace empty tables, and store their documents.

    Does nothing if PostgreSQL refuses a key.
    """
    if run.mode != SWAP or any(resolved and resolved.mode == PREPARED for resolved in before.values()):
        return
    require_columns(cursor, run.id, run.tables)
    work_beside_others(cursor)
    with shadow.attempt(cursor, _KeyRefused):
        shadows = [RejectedRows(cursor, run, table) for table in circle]
        counted = build_alone(cursor, run, shadows)
        if counted is None:
            raise _KeyRefused
        for rejected, comparison in zip(shadows, counted, strict=True):
            name = rejected.table.name
            prepared = Resolution(rejected, comparison, None, PREPARED)
            store_resolved(cursor, run.id, name, prepared.document(before[name], None))
