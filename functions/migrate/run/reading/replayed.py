"""Read the records of a replay from the table that its plan filled."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dataforge.formats.csv_blocks import FolderValues, with_folder_values
from dataforge.formats.csv_boundaries import split_records
from dataforge.formats.csv_records import read_record
from dataforge.formats.dialect import STANDARD, Csv
from dataforge.formats.dialect_reader import fields_of, read_records
from dataforge.formats.json_lines import read_line
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.records.rejections import Located
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Source
from functions.migrate.run.reading.validated_records import Fields, Record
from functions.migrate.run.replay_records import relation
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_LOCATION = Sql('file, line, "offset", raw::text, rejection')


def replayed_records(cursor: Cursor, item: LoadItem, sources: Mapping[str, Source]) -> Iterator[Record]:
    """The item's records, in their order; ``sources`` are the dataset's, by file."""
    cursor.execute(
        Sql(
            'SELECT position, "table", source, header, folder_values, {} FROM {}'
            " WHERE position >= %s AND position < %s ORDER BY position"
        ).format(_LOCATION, relation(item.migration_id)),
        (item.start, item.end),
    )
    for position, table, source, header, folder_values, *location in cursor.fetchall():
        located = _located(item.migration_id, location, [])
        raw = json.loads(located.raw, parse_float=Decimal)
        known = sources.get(source)
        fields = record_fields(raw, header, folder_values or {}, known, located.file)
        yield Record(position, located, table, known if isinstance(raw, str) else _typed(known), fields)


def locate_replayed(
    cursor: Cursor, migration_id: str, rejected: Iterable[tuple[int, list[Violation]]]
) -> Iterator[Located]:
    """The records at these positions, with their violations."""
    for position, violations in rejected:
        record = Sql("SELECT {} FROM {} WHERE position = %s").format(_LOCATION, relation(migration_id))
        cursor.execute(record, (position,))
        yield _located(migration_id, one_row(cursor), violations)


def _located(migration_id: str, location: Sequence[Any], violations: list[Violation]) -> Located:
    file, line, offset, raw, rejection = location
    return Located(migration_id, file, line, offset, raw, violations, rejection)


def _typed(source: Source | None) -> Source | None:
    """The source of a corrected record: its values are those of columns, which no format rewrites."""
    return source if source and source.split else None


def record_fields(
    raw: object, header: list[str] | None, folder_values: FolderValues, source: Source | None, file: str
) -> Fields | list[Violation]:
    """The fields of a record: a text is a record of the ``file`` with this header, an object has the values by column.

    An object's values replace those of the file's folders.
    """
    if isinstance(raw, dict):
        return {**folder_values, **raw}
    if not isinstance(raw, str) or header is None:
        return [Violation("dict_type", "The record should be an object: a value for each column")]
    data = raw.encode()
    if source is not None and source.is_json_lines(file):
        return with_folder_values(read_line(data, source.names, header), folder_values)
    dialect = source.dialect if source else STANDARD
    if not dialect.is_standard:
        return with_folder_values(_dialect_fields(data, header, dialect), folder_values)
    records = split_records(data, last=True)
    if len(records.ends) != 1:
        return [Violation("field_count", f"Expected one record, got {len(records.ends)}")]
    names = source.names if source else None
    return with_folder_values(read_record(tuple(header), data, bool(records.malformed), names), folder_values)


def _dialect_fields(data: bytes, header: list[str], dialect: Csv) -> Mapping[str, str] | list[Violation]:
    """The fields of a record in its file's dialect; raw text is stored in UTF-8."""
    alone = replace(dialect, encoding="utf-8", header=0, skip=0, skip_footer=0, comment=None)
    records = list(read_records(io.BytesIO(data).read, alone))
    if len(records) != 1:
        return [Violation("field_count", f"Expected one record, got {len(records)}")]
    return fields_of(records[0], header, alone)
