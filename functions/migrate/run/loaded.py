"""Sum what of a run is loaded, for clients that follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from dataforge.runs.progress import LoadedSums
from functions.migrate.run.ledger import TALLIES
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def loaded_so_far(cursor: Cursor, run: Run) -> dict[str, LoadedSums]:
    """The bytes, records and rejected records of the loaded chunks, by table."""
    cursor.execute(
        Sql(
            "SELECT t.key, sum(end_byte - first_byte)::bigint, sum((t.value->>'read')::bigint)::bigint,"
            " sum((t.value->>'rejected')::bigint)::bigint FROM dataforge.migration_chunks c,"
            " jsonb_each({}) t WHERE migration_id = %s GROUP BY 1"
        ).format(TALLIES),
        (run.id,),
    )
    return {table: LoadedSums(*sums) for table, *sums in cursor.fetchall()}
