"""A run's files in the ledger: which feed a table, and what became of each one's records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.errors import NotReconciled
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.run.ledger import COUNTS, TALLIES, FileCounts, Settled, store_settled
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_LOADED = Sql("""
    SELECT file_number, sum((r->>'read')::bigint)::bigint, sum((r->>'deduplicated')::bigint)::bigint,
           sum((r->>'rejected')::bigint)::bigint
    FROM dataforge.migration_chunks c, LATERAL (SELECT {}->%s AS r) t
    WHERE migration_id = %s AND r IS NOT NULL
    GROUP BY file_number
""").format(TALLIES)


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


def reconcile_files(cursor: Cursor, run: Run, table: Table, settled: Settled) -> None:
    """Check the counts of each of the table's files and note them in the ledger. Raises ``NotReconciled``."""
    cursor.execute(_LOADED, (table.name, run.id))
    loaded = {number: counts for number, *counts in cursor.fetchall()}
    figures: dict[int, FileCounts] = {}
    for number in file_numbers(cursor, run, table):
        read, deduplicated, rejected = loaded.get(number, (0, 0, 0))
        rows, unchanged, again, bad = (
            by_file.get(number, 0)
            for by_file in (
                settled.files.rows,
                settled.files.unchanged,
                settled.files.deduplicated,
                settled.files.rejected,
            )
        )
        counts = (read, rows - unchanged, unchanged, deduplicated + again, rejected + bad)
        if read != sum(counts[1:]):
            words = ", ".join(f"{name} {count}" for name, count in zip(COUNTS, counts, strict=True))
            raise NotReconciled(f"{table.name}, file {number}: {words}.")
        figures[number] = FileCounts(**dict(zip(COUNTS, counts, strict=True)))
    store_settled(cursor, run.id, table.name, settled.model_copy(update={"figures": figures}))


def files_of(cursor: Cursor, run: Run) -> list[dict[str, Any]]:
    """The run's files for its report, in file order, each with its chunks and its counts per table."""
    cursor.execute(
        "SELECT f.file_number, f.bucket, f.key, f.etag, f.size, (SELECT count(*) FROM dataforge.migration_chunks c"
        " WHERE c.migration_id = f.migration_id AND c.file_number = f.file_number AND first_byte IS NOT NULL)"
        " FROM dataforge.migration_files f WHERE f.migration_id = %s ORDER BY f.file_number",
        (run.id,),
    )
    names = ("file_number", "bucket", "key", "etag", "size", "chunks")
    files = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    cursor.execute(
        'SELECT "table", settled FROM dataforge.migration_tables WHERE migration_id = %s AND settled IS NOT NULL',
        (run.id,),
    )
    by_table = {table: Settled.model_validate(settled).figures or {} for table, settled in cursor.fetchall()}
    for file in files:
        number = file.pop("file_number")
        known = {t.name: by_table.get(t.name, {}).get(number) for t in run.tables}
        file["tables"] = [{"table": name, **counts.model_dump()} for name, counts in known.items() if counts]
    return files
