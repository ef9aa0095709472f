"""Read the reasons of a run's rejections that the rows of the ledger do not have."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from functions.migrate.run.ledger import TALLIES
from functions.migrate.run.rejections.uncounted import Uncounted

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
