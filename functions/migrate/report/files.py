"""The report's source files, with their chunks and counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from dataforge.formats.headers import ignored_headers
from dataforge.runs.results.migration import Counts, TableCounts
from dataforge.runs.results.report import ReportedFile
from dataforge.tables.catalogue import Source
from functions.migrate.run.ledger import Resolved
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def files_of(cursor: Cursor, run: Run) -> list[ReportedFile]:
    """The run's files for its report, in file order, each with its chunks and its counts per table."""
    cursor.execute(
        "SELECT f.file_number, f.bucket, f.key, f.etag, f.size, (SELECT count(*) FROM dataforge.migration_chunks c"
        " WHERE c.migration_id = f.migration_id AND c.file_number = f.file_number AND first_byte IS NOT NULL),"
        " f.source, f.header, f.folder_values"
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
    sources = {source.file: source for source in run.dataset.sources}
    return [
        ReportedFile(
            bucket=bucket,
            key=key,
            etag=etag,
            size=size,
            chunks=chunks,
            tables=_tables(run, by_table, number),
            missing_columns=_missing(sources.get(source), {*header, *(folder_values or {})}),
            ignored_columns=ignored_headers(header),
        )
        for number, bucket, key, etag, size, chunks, source, header, folder_values in rows
    ]


def _missing(source: Source | None, found: Collection[str]) -> tuple[str, ...]:
    return tuple(column for column in (source.optional if source else ()) if column not in found)


def _tables(
    run: Run, by_table: Mapping[str, Mapping[int, Counts]], file_number: int
) -> tuple[TableCounts, ...]:
    """The counts of a file for the tables that have any, in the run's order."""
    counts = {table.name: by_table.get(table.name, {}).get(file_number) for table in run.tables}
    return tuple(TableCounts(table=name, **one.model_dump()) for name, one in counts.items() if one)
