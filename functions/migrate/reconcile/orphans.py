"""Count the orphans of references that are not enforced: rows that are stored although their parent does not exist."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.postgres import shadow
from dataforge.postgres.sql import Sql
from dataforge.runs.results.report import MissingParent, Orphans
from dataforge.tables.catalogue import ForeignKey, Table
from functions.migrate.run.ledger import read_resolved, store_resolved
from functions.migrate.run.migration import Run
from functions.migrate.run.parents import is_orphan
from functions.migrate.run.row_conditions import values_sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


EXAMPLES = 3
LONGEST = 120
"""The limit for a value in characters."""


def store_orphans(cursor: Cursor, run: Run, table: Table) -> None:
    """Store the orphans among the run's rows in the ledger, for the report."""
    references = [key for key in table.references if not key.enforced]
    resolved = read_resolved(cursor, run.id, table.name, lock=True) if references else None
    if resolved is not None:
        orphans = tuple(_orphans(cursor, run, table, key) for key in references)
        store_resolved(cursor, run.id, table.name, resolved.model_copy(update={"orphans": orphans}))


def _orphans(cursor: Cursor, run: Run, table: Table, key: ForeignKey) -> Orphans:
    cursor.execute(
        Sql(
            "SELECT missing, rows, sum(rows) OVER (), count(*) OVER () FROM"
            " (SELECT {} AS missing, count(*) AS rows FROM {} s WHERE {} >= 0 AND {} GROUP BY 1) orphans"
            " ORDER BY rows DESC, missing LIMIT {}"
        ).format(values_sql(key, "s"), run.shadow(table), shadow.SOURCE, is_orphan(run, key), EXAMPLES)
    )
    found = cursor.fetchall()
    return Orphans(
        columns=key.columns,
        parent=key.parent,
        parent_columns=key.parent_columns,
        rows=int(found[0][2]) if found else 0,
        missing=found[0][3] if found else 0,
        examples=tuple(
            MissingParent(values=shortened(json.loads(missing)), rows=rows) for missing, rows, *_ in found
        ),
    )


def shortened(values: Iterable[str]) -> tuple[str, ...]:
    """The values of a reference as the report shows them."""
    return tuple(text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in values)
