"""Reconcile the counts of each source file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.errors import NotReconciled
from dataforge.postgres.sql import Sql
from dataforge.runs.results.migration import COUNTS, Counts
from dataforge.tables.catalogue import Table
from functions.migrate.run.ledger import TALLIES, Resolved, store_resolved
from functions.migrate.run.migration import Run
from functions.migrate.run.source_files import file_numbers

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_LOADED = Sql("""
    SELECT file_number, sum((r->>'read')::bigint)::bigint, sum((r->>'deduplicated')::bigint)::bigint,
           sum((r->>'rejected')::bigint)::bigint
    FROM dataforge.migration_chunks c, LATERAL (SELECT {}->%s AS r) t
    WHERE migration_id = %s AND r IS NOT NULL
    GROUP BY file_number
""").format(TALLIES)


def reconcile_files(cursor: Cursor, run: Run, table: Table, resolved: Resolved) -> None:
    """Check the counts of each of the table's files and store them in the ledger. Raises ``NotReconciled``."""
    cursor.execute(_LOADED, (table.name, run.id))
    loaded = {number: tuple(counts) for number, *counts in cursor.fetchall()}
    figures = {
        number: _file_counts(table, number, loaded.get(number, (0, 0, 0)), resolved)
        for number in file_numbers(cursor, run, table)
    }
    store_resolved(cursor, run.id, table.name, resolved.model_copy(update={"figures": figures}))


def _file_counts(table: Table, number: int, loaded: tuple[int, ...], resolved: Resolved) -> Counts:
    """The file's counts: those of the load (read, deduplicated, rejected) with those of the resolve step."""
    read, deduplicated, rejected = loaded
    files = resolved.files
    unchanged = files.unchanged.get(number, 0)
    counts = Counts(
        read=read,
        loaded=files.rows.get(number, 0) - unchanged,
        unchanged=unchanged,
        deduplicated=deduplicated + files.deduplicated.get(number, 0),
        rejected=rejected + files.rejected.get(number, 0),
    )
    if read != counts.loaded + unchanged + counts.deduplicated + counts.rejected:
        text = ", ".join(f"{name} {getattr(counts, name)}" for name in COUNTS)
        raise NotReconciled(f"{table.name}, file {number}: {text}.")
    return counts
