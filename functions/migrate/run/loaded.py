"""The loaded part of a run, and the number of chunks that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.rows import one_row
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


def unloaded_chunks(cursor: Cursor, run_id: str) -> int:
    """The number of chunks that are not loaded."""
    cursor.execute(
        "SELECT count(*) FROM dataforge.migration_chunks"
        " WHERE migration_id = %s AND first_byte IS NOT NULL AND result IS NULL",
        (run_id,),
    )
    return int(one_row(cursor)[0])
