"""Validate many records of a table at once: the results of ``validate.process``, in a fraction of the time.

Good records are taken by columns, with validators made from the row model's own fields. As soon as anything is not good as
it is (an error, an unknown column, a value that cleaning would change), every record goes through the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from dataforge.records.validate import Violation, clean, findings, violation
from dataforge.tables.catalogue import Column, Row, Table

Record = Mapping[str, Any]
Columns = list[list[str | None]]


@dataclass(frozen=True)
class Verdicts:
    """``places``: which records are rows; ``columns``: these rows' canonical texts, column by column; ``violations``: what
    is wrong with the others, by their place."""

    places: list[int]
    columns: Columns
    violations: dict[int, list[Violation]]


def process_all(table: Table, records: Sequence[Record]) -> Verdicts:
    """The verdict on each of the records; cleaning is not counted."""
    columns = _by_columns(table, records) if table.columns_are_independent else None
    if columns is not None:
        return Verdicts(list(range(len(records))), columns, {})
    return _by_model(table, records)


def _by_columns(table: Table, records: Sequence[Record]) -> Columns | None:
    """The texts of all records, or None if some record is not good as it is."""
    if not set().union(*records) <= table.by_name.keys():
        return None
    columns: Columns = []
    for column in table.columns:
        validate, default = _column(table.model, column.name)
        given = [record.get(column.name, default) for record in records]
        try:
            values = validate(given)
        except ValidationError:
            return None
        if not _is_clean(column, values):
            return None
        columns.append(_texts(column, values))
    return columns


@cache
def _column(model: type[Row], name: str) -> tuple[Callable[[list[Any]], list[Any]], Any]:
    """What validates a list of the column's values, and the value that a record has which leaves it out."""
    info = model.model_fields[name]
    annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    adapter: TypeAdapter[list[Any]] = TypeAdapter(list[annotation])
    return adapter.validate_python, None if info.is_required() else info.default


def _is_clean(column: Column, values: list[Any]) -> bool:
    """Whether cleaning leaves the values as they are. Only texts can be valid with what cleaning would change."""
    if column.clean is None or column.type.name != "text":
        return True
    texts = [value for value in values if value is not None] if column.nullable else values
    if column.clean.trim and ("" in texts or list(map(str.strip, texts)) != texts):
        return False
    return not column.clean.upper or list(map(str.upper, texts)) == texts


def _texts(column: Column, values: list[Any]) -> list[str | None]:
    if column.type.name == "text":
        return values
    text = column.type.text
    return [None if value is None else text(value) for value in values]


def _by_model(table: Table, records: Sequence[Record]) -> Verdicts:
    cleaned = [clean(table, record, Counter()) for record in records]
    adapter = _rows(table.model)
    violations: dict[int, list[Violation]] = {}
    try:
        rows = adapter.validate_python(cleaned)
    except ValidationError as error:
        violations = _by_place(error)
        rows = adapter.validate_python([r for place, r in enumerate(cleaned) if place not in violations])
    values = [row.__dict__ for row in rows]
    columns = [_texts(column, [value[column.name] for value in values]) for column in table.columns]
    return Verdicts([place for place in range(len(records)) if place not in violations], columns, violations)


@cache
def _rows(model: type[Row]) -> TypeAdapter[list[Row]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _by_place(error: ValidationError) -> dict[int, list[Violation]]:
    found: dict[int, list[Violation]] = {}
    for item in findings(error):
        place, *inside = item["loc"]
        found.setdefault(int(place), []).append(violation(item, inside))
    return found
