"""Verdicts on many records of a table at once: what ``dataforge.rows.process`` says of each, in a fraction of the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dataforge.catalogue import Row, Table
from dataforge.columns import Clean
from dataforge.rows import Cleanings, Texts, Violation, clean, findings, violation

Record = Mapping[str, Any]


def process_all(
    table: Table, records: Sequence[Record], cleanings: Cleanings
) -> list[Texts | list[Violation]]:
    """The verdict on each record, in the records' order; what cleaning changed is added to ``cleanings``."""
    cleaned = _clean_all(table, records, cleanings)
    adapter = _adapter(table.model)
    try:
        return list(_texts(table, adapter.validate_python(cleaned)))
    except ValidationError as error:
        found = _by_index(error)
    good = [record for index, record in enumerate(cleaned) if index not in found]
    rows = _texts(table, adapter.validate_python(good))
    return [found[index] if index in found else next(rows) for index in range(len(cleaned))]


@cache
def _adapter(model: type[Row]) -> TypeAdapter[list[Row]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _clean_all(table: Table, records: Sequence[Record], cleanings: Cleanings) -> list[Record]:
    """The records after ``clean``, which is asked only about those that it may change."""
    cleaned = list(records)
    for index in {i for c in table.columns if c.clean for i in _unclean(c.clean, c.name, records)}:
        cleaned[index] = clean(table, records[index], cleanings)
    return cleaned


def _unclean(rule: Clean, name: str, records: Sequence[Record]) -> Iterator[int]:
    for index, record in enumerate(records):
        value = record.get(name)
        if isinstance(value, str) and (
            (rule.trim and (not value or value.strip() != value)) or (rule.upper and value.upper() != value)
        ):
            yield index


def _by_index(error: ValidationError) -> dict[int, list[Violation]]:
    """The violations by the record's place in the list."""
    found: dict[int, list[Violation]] = {}
    for item in findings(error):
        index, *inside = item["loc"]
        found.setdefault(int(index), []).append(violation(item, inside))
    return found


def _texts(table: Table, rows: Sequence[Row]) -> Iterator[Texts]:
    """The canonical texts of valid rows, made column by column."""
    values = [row.__dict__ for row in rows]
    columns: list[list[str | None]] = []
    for column in table.columns:
        given = [value[column.name] for value in values]
        if column.type.name != "text":
            text = column.type.text
            given = [None if v is None else text(v) for v in given]
        columns.append(given)
    return zip(*columns, strict=True)
