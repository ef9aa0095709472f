"""Suggest declarations from a run's rejected records, of which a bounded number is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.records.suggestions import (
    Suggestion,
    suggest,
    suggest_delimiter,
    suggest_encoding,
    suggest_header,
)
from dataforge.tables.catalogue import Column, Table
from functions.migrate.run.reading.replayed import record_fields

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from functions.migrate.run.migration import Run

COLUMNS = 10
"""Columns with the most rejections, which are examined."""
RECORDS = 20_000
"""Rejected records of a column that are read."""
RAW_CHARACTERS = 4_000
"""Longer records are not read."""
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
    found: dict[str, list[Suggestion]] = {table.name: [] for table in run.tables}
    for table in run.tables:
        read, rejected = counts.get(table.name, (0, 0))
        if read and read == rejected:
            found[table.name] += _delimiters(cursor, run, table, rejected)
        found[table.name] += _encodings(cursor, run, table)
        found[table.name] += _keys(cursor, run, table)
        for name, column in columns:
            if name == table.name and column in table.by_name:
                found[name] += _of_column(cursor, run, table, table.by_name[column], read)
    return {name: tuple(some) for name, some in found.items() if some}


def _encodings(cursor: Cursor, run: Run, table: Table) -> list[Suggestion]:
    """Another encoding, for records of CSV files that are not text in the declared one."""
    cursor.execute(_UNREADABLE, (run.id, table.name))
    codecs = {s.file: s.dialect.codec for s in run.dataset.sources if not s.json_lines}
    rows = [(codecs[source], count) for source, count in cursor.fetchall() if source in codecs]
    return [suggest_encoding(codec, count) for codec, count in rows]


def _keys(cursor: Cursor, run: Run, table: Table) -> list[Suggestion]:
    """The keys of JSON records that no column takes and that resemble one; other keys may be content."""
    cursor.execute(_UNKNOWN_KEYS, (run.id, table.name, COLUMNS))
    found = (suggest_header(key, count, table.column_names) for key, count in cursor.fetchall())
    return [suggestion for suggestion in found if suggestion is not None]


def _of_column(cursor: Cursor, run: Run, table: Table, column: Column, read: int) -> list[Suggestion]:
    values, empty = Counter[str](), 0
    for fields in _fields(cursor, run, table, column.name):
        value = fields.get(column.name)
        if value is None:
            empty += 1
        elif isinstance(value, str):
            values[value] += 1
    return suggest(column, values, read=read, empty=empty)


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


def _delimiters(cursor: Cursor, run: Run, table: Table, rejected: int) -> list[Suggestion]:
    """Another delimiter, if it explains why no record of the table was accepted."""
    sources = {source.file: source for source in run.dataset.sources}
    _select(cursor, run, table, "code", "field_count", _AT_ONCE)
    rows = [row for row in cursor.fetchall() if isinstance(row[0], str) and row[3] in sources]
    if not rows:
        return []
    delimiter = sources[rows[0][3]].dialect.delimiters[0]
    found = suggest_delimiter([row[0] for row in rows], rows[0][1], delimiter, rejected=rejected)
    return [found] if found else []
