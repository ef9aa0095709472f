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
    SELECT "table", array_agg(name ORDER BY place) FROM (
        SELECT "table", e->>'column' AS name,
            row_number() OVER (PARTITION BY "table" ORDER BY count(*) DESC, e->>'column') AS place
        FROM dataforge.rejections, jsonb_array_elements(errors) e
        WHERE migration_id = %s AND e->>'column' IS NOT NULL
        GROUP BY 1, 2
    ) columns WHERE place <= %s GROUP BY 1
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
_MISFITS = """
    SELECT r.raw, f.header, f.source
    FROM dataforge.rejections r JOIN dataforge.migration_files f ON f.migration_id = r.migration_id AND f.key = r.file
    WHERE r.migration_id = %s AND r."table" = %s AND r.errors @> '[{"code": "field_count"}]'
      AND length(r.raw #>> '{}') <= %s
    ORDER BY r.id LIMIT %s
"""
_RECORDS = """
    WITH named AS (
        SELECT DISTINCT id, e->>'column' AS field FROM dataforge.rejections, jsonb_array_elements(errors) e
        WHERE migration_id = %(run)s AND "table" = %(table)s AND e->>'column' = ANY(%(names)s)
          AND length(raw #>> '{}') <= %(characters)s
    ), first AS (
        SELECT id, array_agg(field) AS fields
        FROM (SELECT *, row_number() OVER (PARTITION BY field ORDER BY id) AS place FROM named) numbered
        WHERE place <= %(records)s GROUP BY id
    )
    SELECT r.raw, f.header, f.folder_values, f.source, r.file, first.fields
    FROM first JOIN dataforge.rejections r USING (id)
    JOIN dataforge.migration_files f ON f.migration_id = r.migration_id AND f.key = r.file
    ORDER BY r.id
"""
"""Records that were rejected for several columns are read once."""


def suggestions_of(cursor: Cursor, run: Run) -> dict[str, tuple[Suggestion, ...]]:
    """The suggestions for each table of the run. A replay has none: its files are those of another run."""
    if run.replay is not None:
        return {}
    cursor.execute(_READ, (run.id,))
    counts = {table: (read, rejected) for table, read, rejected in cursor.fetchall()}
    cursor.execute(_COLUMNS, (run.id, COLUMNS))
    columns: dict[str, list[str]] = dict(cursor.fetchall())
    found = {
        table.name: tuple(
            suggestions_for(table, _evidence(cursor, run, table, counts, columns.get(table.name, ())))
        )
        for table in run.tables
    }
    return {name: some for name, some in found.items() if some}


def _evidence(
    cursor: Cursor,
    run: Run,
    table: Table,
    counts: Mapping[str, tuple[int, int]],
    columns: Sequence[str],
) -> Evidence:
    """The evidence of a table, with the values of these columns."""
    read, rejected = counts.get(table.name, (0, 0))
    return Evidence(
        read,
        rejected,
        _values(cursor, run, table, [name for name in columns if name in table.by_name]),
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


def _values(
    cursor: Cursor, run: Run, table: Table, names: Sequence[str]
) -> Iterator[tuple[str, ColumnValues]]:
    """The values of these columns in records that were rejected for them, as they are in the files."""
    found = {name: ColumnValues() for name in names}
    for fields, rejected in _fields(cursor, run, table, names) if names else ():
        for name in rejected:
            found[name].add(fields, name)
    yield from found.items()


def _fields(
    cursor: Cursor, run: Run, table: Table, names: Sequence[str]
) -> Iterator[tuple[dict[str, object], list[str]]]:
    """The fields of records, and for which of the columns each was rejected."""
    sources = {source.file: source for source in run.dataset.sources}
    asked = {"run": run.id, "table": table.name, "names": list(names)}
    cursor.execute(_RECORDS, {**asked, "characters": RAW_CHARACTERS, "records": RECORDS})
    while rows := cursor.fetchmany(_AT_ONCE):
        for raw, header, folder_values, source, file, rejected in rows:
            fields = record_fields(raw, header, folder_values or {}, sources.get(source), file)
            if not isinstance(fields, list):
                yield dict(fields), rejected


def _misfits(cursor: Cursor, run: Run, table: Table) -> Misfits | None:
    sources = {source.file: source for source in run.dataset.sources}
    cursor.execute(_MISFITS, (run.id, table.name, RAW_CHARACTERS, MISFITS))
    rows = [row for row in cursor.fetchall() if isinstance(row[0], str) and row[2] in sources]
    if not rows:
        return None
    return Misfits([row[0] for row in rows], rows[0][1], sources[rows[0][2]].dialect.delimiters[0])
