"""The records of a replay: read from the run's own table, judged one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dataforge.formats.csv_blocks import FolderValues, with_folder_values
from dataforge.formats.csv_boundaries import split_records
from dataforge.formats.csv_records import read_record
from dataforge.postgres.sql import Sql
from dataforge.records.rejections import Located
from dataforge.records.validate import Violation
from dataforge.tables.catalogue import Source
from functions.migrate.plan.replay import relation
from functions.migrate.run.reading.validated_records import Record
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_PLACE = Sql('file, line, "offset", raw::text, rejection')


def replayed_records(cursor: Cursor, item: LoadItem, sources: Mapping[str, Source]) -> Iterator[Record]:
    """The item's records, in their order; ``sources`` are the dataset's, by file."""
    cursor.execute(
        Sql(
            'SELECT position, "table", source, header, folder_values, {} FROM {}'
            " WHERE position >= %s AND position < %s ORDER BY position"
        ).format(_PLACE, relation(item.migration_id)),
        (item.start, item.end),
    )
    for position, table, source, header, values, *place in cursor.fetchall():
        fields = _fields(json.loads(place[3], parse_float=Decimal), header, values or {})
        located = _located(item.migration_id, place, [])
        yield Record(position, located, table, sources.get(source), fields)


def locate_replayed(
    cursor: Cursor, migration_id: str, bad: Iterable[tuple[int, list[Violation]]]
) -> Iterator[Located]:
    """The records at these positions, with what is wrong with them."""
    for position, violations in bad:
        cursor.execute(
            Sql("SELECT {} FROM {} WHERE position = %s").format(_PLACE, relation(migration_id)), (position,)
        )
        yield _located(migration_id, cursor.fetchone(), violations)


def _located(migration_id: str, place: Any, violations: list[Violation]) -> Located:
    file, line, offset, raw, rejection = place
    return Located(migration_id, file, line, offset, raw, violations, rejection)


def _fields(raw: Any, header: list[str] | None, values: FolderValues) -> Any:
    """What a record says: a text is one of the file that it comes from, an object has its values by column.

    ``values``: those of the file's folders; a correction may have others.
    """
    if isinstance(raw, dict):
        return {**values, **raw}
    if not isinstance(raw, str) or header is None:
        return [Violation("dict_type", "The record should be an object: a value for each column")]
    data = raw.encode()
    found = split_records(data, last=True)
    if len(found.ends) != 1:
        return [Violation("field_count", f"One record is wanted here, not {len(found.ends)}")]
    return with_folder_values(read_record(tuple(header), data, bool(found.malformed)), values)
