"""Suggest declarations from a run's rejected records, of which a bounded number is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dataforge.records.suggestion_evidence import (
    COLUMNS,
    MISFITS,
    RAW_CHARACTERS,
    RECORDS,
    ColumnValues,
    Evidence,
    Misfits,
    suggestions_for,
)
from dataforge.records.suggestions import Suggestion
from dataforge.tables.catalogue import Table
from functions.migrate.run.reading.replayed import record_fields

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from functions.migrate.run.migration import Run

_AT_ONCE = 1_000

_COLUMNS = """
    SELECT "table", e->>'column' FROM dataforge.rejections, jsonb_array_elements(errors) e
    WHERE migration_id = %s AND e->>'column' IS NOT NULL
    GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT %s
"""
_READ = 'SELECT "table", read, rejected FROM dataforge.migration_tables WHERE migration_id = %s'
_UNREADABLE = """
    SELECT f.source, count(*) FROM dataforge.rejections r
    JOIN dataforge.migration_files f ON f.migration_id = r.migration_id AND f.key = r.file
    WHERE r.migration_id = %s AND r."table" = %s AND r.errors @> '[{"code": "string_unicode"}]'
      AND r.file NOT LIKE '%%.parquet'
    GROUP BY 1 ORDER BY 1
"""
_UNKNOWN_KEYS = """
    SELECT e->>'column', count(*) FROM dataforge.rejections, jsonb_array_elements(errors) e
    WHERE migration_id = %s AND "table" = %s AND e->>'code' = 'unknown_column'
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
"""
_RECORDS = """
    SELECT r.raw, f.header, f.folder_values, f.source, r.file
    FROM dataforge.rejections r JOIN dataforge.migration_files f ON f.migration_id = r.migration_id AND f.key = r.file
    WHERE r.migration_id = %(run)s AND r."table" = %(table)s
      AND r.errors @> jsonb_build_array(jsonb_build_object(%(name)s, %(value)s))
      AND length(r.raw #>> '{}') <= %(characters)s
    ORDER BY r.id LIMIT %(records)s
"""


def suggestions_of(cursor: Cursor, run: Run) -> dict[str, tuple[Suggestion, ...]]:
    """The suggestions for each table of the run. A replay has none: its files are those of another run."""
    if run.replay is not None:
        return {}
    cursor.execute(_READ, (run.id,))
    counts = {table: (read, rejected) for table, read, rejected in cursor.fetchall()}
    cursor.execute(_COLUMNS, (run.id, COLUMNS))
    columns = cursor.fetchall()
    found = {
        table.name: tuple(suggestions_for(table, _evidence(cursor, run, table, counts, columns)))
        for table in run.tables
    }
    return {name: some for name, some in found.items() if some}


def _evidence(
    cursor: Cursor,
    run: Run,
    table: Table,
    counts: Mapping[str, tuple[int, int]],
    columns: Sequence[tuple[str, str]],
) -> Evidence:
    read, rejected = counts.get(table.name, (0, 0))
    names = [column for name, column in columns if name == table.name and column in table.by_name]
    return Evidence(
        read,
        rejected,
        [(name, _values(cursor, run, table, name)) for name in names],
        _misfits(cursor, run, table) if read and read == rejected else None,
        _codecs(cursor, run, table),
        _unknown_keys(cursor, run, table),
    )


def _codecs(cursor: Cursor, run: Run, table: Table) -> list[tuple[str, int]]:
    """The encodings of CSV files with records that are not text in them."""
    cursor.execute(_UNREADABLE, (run.id, table.name))
    codecs = {s.file: s.dialect.codec for s in run.dataset.sources if not s.json_lines}
    return [(codecs[source], count) for source, count in cursor.fetchall() if source in codecs]


def _unknown_keys(cursor: Cursor, run: Run, table: Table) -> list[tuple[str, int]]:
    cursor.execute(_UNKNOWN_KEYS, (run.id, table.name, COLUMNS))
    return cursor.fetchall()


def _values(cursor: Cursor, run: Run, table: Table, column: str) -> ColumnValues:
    found = ColumnValues()
    for fields in _fields(cursor, run, table, column):
        found.add(fields, column)
    return found


def _fields(cursor: Cursor, run: Run, table: Table, column: str) -> Iterator[dict[str, object]]:
    """The fields of records that were rejected for the column, as they are in the files."""
    sources = {source.file: source for source in run.dataset.sources}
    _select(cursor, run, table, "column", column, RECORDS)
    while rows := cursor.fetchmany(_AT_ONCE):
        for raw, header, folder_values, source, file in rows:
            fields = record_fields(raw, header, folder_values or {}, sources.get(source), file)
            if not isinstance(fields, list):
                yield dict(fields)


def _select(cursor: Cursor, run: Run, table: Table, name: str, value: str, records: int) -> None:
    cursor.execute(
        _RECORDS,
        {
            "run": run.id,
            "table": table.name,
            "name": name,
            "value": value,
            "characters": RAW_CHARACTERS,
            "records": records,
        },
    )


def _misfits(cursor: Cursor, run: Run, table: Table) -> Misfits | None:
    sources = {source.file: source for source in run.dataset.sources}
    _select(cursor, run, table, "code", "field_count", MISFITS)
    rows = [row for row in cursor.fetchall() if isinstance(row[0], str) and row[3] in sources]
    if not rows:
        return None
    return Misfits([row[0] for row in rows], rows[0][1], sources[rows[0][3]].dialect.delimiters[0])
