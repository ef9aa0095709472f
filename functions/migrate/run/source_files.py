"""The source files of a table, as the ledger numbers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def file_numbers(cursor: Cursor, run: Run, table: Table) -> list[int]:
    """The numbers of the files that feed the table, in file order."""
    if run.replay is not None:
        return [0]
    sources = [source.file for source in run.dataset.sources if table.name in source.tables]
    cursor.execute(
        "SELECT file_number FROM dataforge.migration_files WHERE migration_id = %s AND source = ANY(%s) ORDER BY 1",
        (run.id, sources),
    )
    return [number for (number,) in cursor.fetchall()]
