"""Suggest declarations from a run's rejected records, of which a bounded number is read."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

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
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Source, Table
from functions.migrate.run.rejections.reasons import StoredReason

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from functions.migrate.run.migration import Run
    from functions.migrate.run.reading.validated_records import Fields

_AT_ONCE = 1_000

_READ = 'SELECT "table", read, rejected FROM dataforge.migration_tables WHERE migration_id = %s'
_UNREADABLE = """
    SELECT f.source, count(*) FROM dataforge.rejections r
    JOIN dataforge.migration_files f ON f.migration_id = r.migration_id AND f.key = r.file
    WHERE r.migration_id = %s AND r."table" = %s AND r.errors->0->>'code' = 'string_unicode'
      AND r.file NOT LIKE '%%.parquet'
    GROUP BY 1 ORDER BY 1
"""
_MISFITS = """
    SELECT r.raw, f.header, f.source
    FROM dataforge.rejections r JOIN dataforge.migration_files f ON f.migration_id = r.migration_id AND f.key = r.file
    WHERE r.migration_id = %s AND r."table" = %s AND r.errors @> '[{"code": "field_count"}]'
      AND length(r.raw #>> '{}') <= %s
    ORDER BY r.id LIMIT %s
"""
_RECORDS = """
    SELECT raw #>> '{}', jsonb_typeof(raw) = 'string', file,
        CASE WHEN jsonb_array_length(errors) = 1 THEN errors->0->>'column' ELSE (
            SELECT string_agg(DISTINCT e->>'column', ',') FROM jsonb_array_elements(errors) e
            WHERE e->>'column' = ANY(%(names)s) AND e->>'code' <> 'foreign_key') END
    FROM dataforge.rejections
    WHERE migration_id = %(run)s AND "table" = %(table)s AND length(raw #>> '{}') <= %(characters)s
        AND (jsonb_array_length(errors) > 1
            OR errors->0->>'column' = ANY(%(names)s) AND errors->0->>'code' <> 'foreign_key')
    ORDER BY id
"""
"""Records, with the columns that they were rejected for. Of an orphan, the value itself is valid."""
_FILES = "SELECT key, header, folder_values, source FROM dataforge.migration_files WHERE migration_id = %s"


class _File(NamedTuple):
    """A file of the run: its columns, the values of its folders, and its source, None if unknown."""

    name: str
    header: list[str]
    folder_values: dict[str, str]
    source: Source | None

    @property
    def is_plain(self) -> bool:
        """Whether ``regular_fields`` reads its records."""
        source = self.source
        standard = source is not None and source.dialect.is_standard and not source.is_json_lines(self.name)
        return standard and not self.folder_values and len({*self.header}) == len(self.header)

    def fields(self, raw: object) -> Fields | list[Violation]:
        """The fields of a record."""
        from functions.migrate.run.reading.replayed import record_fields  # noqa: PLC0415

        return record_fields(raw, self.header, self.folder_values, self.source, self.name)


def suggestions_of(
    cursor: Cursor, run: Run, reasons: Iterable[StoredReason]
) -> dict[str, tuple[Suggestion, ...]]:
    """The suggestions for each table of the run. A replay has none: its files are those of another run."""
    if run.replay is not None:
        return {}
    cursor.execute(_READ, (run.id,))
    counts = {table: (read, rejected) for table, read, rejected in cursor.fetchall()}
    of_table: dict[str, list[StoredReason]] = defaultdict(list)
    for reason in reasons:
        of_table[reason.table].append(reason)
    found = {
        table.name: tuple(
            suggestions_for(
                table, _evidence(cursor, run, table, counts.get(table.name, (0, 0)), of_table[table.name])
            )
        )
        for table in run.tables
    }
    return {name: some for name, some in found.items() if some}


def _most_frequent(reasons: Iterable[StoredReason]) -> list[tuple[str, int]]:
    """The columns with the most errors, and their number."""
    errors = Counter[str]()
    for reason in reasons:
        if reason.column is not None:
            errors[reason.column] += reason.errors
    return sorted(errors.items(), key=lambda item: (-item[1], item[0]))[:COLUMNS]


def _evidence(
    cursor: Cursor, run: Run, table: Table, counts: tuple[int, int], reasons: Sequence[StoredReason]
) -> Evidence:
    """The evidence of a table."""
    read, rejected = counts
    codes = {reason.code for reason in reasons}
    invalid = {reason.column for reason in reasons if reason.code != "foreign_key"}
    columns = [name for name, _ in _most_frequent(reasons) if name in table.by_name and name in invalid]
    return Evidence(
        read,
        rejected,
        _values(cursor, run, table, columns),
        _misfits(cursor, run, table) if read and read == rejected else None,
        _codecs(cursor, run, table) if "string_unicode" in codes else (),
        _most_frequent(reason for reason in reasons if reason.code == "unknown_column"),
    )


def _codecs(cursor: Cursor, run: Run, table: Table) -> list[tuple[str, int]]:
    """The encodings of CSV files with records that are not text in them."""
    cursor.execute(_UNREADABLE, (run.id, table.name))
    codecs = {s.file: s.dialect.codec for s in run.dataset.sources if not s.json_lines}
    return [(codecs[source], count) for source, count in cursor.fetchall() if source in codecs]


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
) -> Iterator[tuple[Fields, list[str]]]:
    """The fields of records, and for which of the columns each was rejected: of each, the first ``RECORDS``."""
    # With NumPy, which a run without suggestions does not need.
    from dataforge.formats.csv_records import regular_fields  # noqa: PLC0415

    files = _files(cursor, run)
    plain = {name: tuple(file.header) for name, file in files.items() if file.is_plain}
    left = dict.fromkeys(names, RECORDS)
    for raw, is_text, name, columns in _records(cursor, run, table, names):
        rejected = [column for column in (columns or "").split(",") if left.get(column)]
        for column in rejected:
            left[column] -= 1
        if rejected:
            header = plain.get(name) if is_text else None
            # Only records whose fields could be read are rejected for a column.
            found: Fields | list[Violation] | None = regular_fields(header, raw) if header else None
            if found is None and name in files:
                found = files[name].fields(raw if is_text else json.loads(raw))
            if found is not None and not isinstance(found, list):
                yield found, rejected
            if not any(left.values()):
                return


def _records(
    cursor: Cursor, run: Run, table: Table, names: Sequence[str]
) -> Iterator[tuple[str, bool, str, str | None]]:
    with cursor.connection.cursor(name="records") as rows:
        rows.itersize = _AT_ONCE
        asked = {"run": run.id, "table": table.name, "names": list(names), "characters": RAW_CHARACTERS}
        rows.execute(_RECORDS, asked)
        yield from rows


def _files(cursor: Cursor, run: Run) -> dict[str, _File]:
    """The run's files, each under its name."""
    sources = {source.file: source for source in run.dataset.sources}
    cursor.execute(_FILES, (run.id,))
    return {
        name: _File(name, header, folder_values or {}, sources.get(source))
        for name, header, folder_values, source in cursor.fetchall()
    }


def _misfits(cursor: Cursor, run: Run, table: Table) -> Misfits | None:
    sources = {source.file: source for source in run.dataset.sources}
    cursor.execute(_MISFITS, (run.id, table.name, RAW_CHARACTERS, MISFITS))
    rows = [row for row in cursor.fetchall() if isinstance(row[0], str) and row[2] in sources]
    if not rows:
        return None
    return Misfits([row[0] for row in rows], rows[0][1], sources[rows[0][2]].dialect.delimiters[0])
