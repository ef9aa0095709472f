"""Read a run's rejections from the ledger: the reasons that its rows have, and those that they do not have."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from dataforge.postgres.sql import Sql
from functions.migrate.run.ledger import TALLIES
from functions.migrate.run.rejections.uncounted import COUNTED_BY_ROWS, Uncounted

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_OF_RUN = Sql("""
    SELECT t.key, t.value->'uncounted' FROM dataforge.migration_chunks c, jsonb_each({}) t
    WHERE migration_id = %s AND t.value ? 'uncounted'
    UNION ALL
    SELECT "table", settled->'uncounted' FROM dataforge.migration_tables
    WHERE migration_id = %s AND settled ? 'uncounted'
""").format(TALLIES)


def read_uncounted(cursor: Cursor, run_id: str) -> dict[str, Uncounted]:
    """The rejections of the run whose reasons the ledger's rows do not have, by table."""
    cursor.execute(_OF_RUN, (run_id, run_id))
    found: dict[str, Uncounted] = defaultdict(Uncounted)
    for table, document in cursor.fetchall():
        found[table] += Uncounted.model_validate(document)
    return dict(found)


EXAMPLES = 3
_REASONS = Sql(
    "SELECT \"table\", e->>'code', e->>'column', count(*), count(DISTINCT id),"
    " (array_agg(id ORDER BY file, line, id))[1:%s]"
    " FROM dataforge.rejections, jsonb_array_elements(errors) e WHERE migration_id = %s AND {}"
    " GROUP BY 1, 2, 3"
).format(COUNTED_BY_ROWS)


class StoredReason(NamedTuple):
    """A reason of rejections in rows of the ledger: how many errors and rows have it, and the first ids in file order."""

    table: str
    code: str
    column: str | None
    errors: int
    rows: int
    first: list[int]


def read_reasons(cursor: Cursor, run_id: str) -> list[StoredReason]:
    """The reasons of the run's rejections that the ledger's rows have."""
    cursor.execute(_REASONS, (EXAMPLES, run_id))
    return [StoredReason(*row) for row in cursor.fetchall()]
