"""The report's source files, with their chunks and counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataforge.runs.results.migration import Counts, TableCounts
from dataforge.runs.results.report import ReportedFile
from functions.migrate.run.ledger import Resolved
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def files_of(cursor: Cursor, run: Run) -> list[ReportedFile]:
    """The run's files for its report, in file order, each with its chunks and its counts per table."""
    cursor.execute(
        "SELECT f.file_number, f.bucket, f.key, f.etag, f.size, (SELECT count(*) FROM dataforge.migration_chunks c"
        " WHERE c.migration_id = f.migration_id AND c.file_number = f.file_number AND first_byte IS NOT NULL)"
        " FROM dataforge.migration_files f WHERE f.migration_id = %s ORDER BY f.file_number",
        (run.id,),
    )
    rows = cursor.fetchall()
    cursor.execute(
        'SELECT "table", settled FROM dataforge.migration_tables WHERE migration_id = %s AND settled IS NOT NULL',
        (run.id,),
    )
    by_table = {
        table: Resolved.model_validate(resolved).figures or {} for table, resolved in cursor.fetchall()
    }
    return [
        ReportedFile(
            bucket=bucket, key=key, etag=etag, size=size, chunks=chunks, tables=_tables(run, by_table, number)
        )
        for number, bucket, key, etag, size, chunks in rows
    ]


def _tables(
    run: Run, by_table: Mapping[str, Mapping[int, Counts]], file_number: int
) -> tuple[TableCounts, ...]:
    """The counts of a file for the tables that have any, in the run's order."""
    counts = {table.name: by_table.get(table.name, {}).get(file_number) for table in run.tables}
    return tuple(TableCounts(table=name, **one.model_dump()) for name, one in counts.items() if one)
