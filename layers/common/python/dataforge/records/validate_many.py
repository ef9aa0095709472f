"""Validate many records of a table at once: the results of ``validate.validate``, in a fraction of the time.

Records are validated by columns, with validators derived from the row model's fields. If any value is invalid, in an unknown
column, or changed by cleaning, the model validates every record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from dataforge.records.validate import broken_checks, clean, clean_value, findings, violation
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Column, Table
from dataforge.tables.row import Row

Record = Mapping[str, Any]
Columns = list[list[str | None]]


@dataclass(frozen=True)
class Validated:
    """``positions``: the indexes of the valid records; ``columns``: their canonical texts, column by column; ``violations``:
    those of the other records, by index."""

    positions: list[int]
    columns: Columns
    violations: dict[int, list[Violation]]


def validate_all(table: Table, records: Sequence[Record]) -> Validated:
    """Validate each record; cleaning is not counted."""
    columns = _by_columns(table, records) if table.columns_are_independent else None
    if columns is None:
        return _checked(table, _by_model(table, records))
    return _checked(table, Validated(list(range(len(records))), columns, {}))


def _checked(table: Table, found: Validated) -> Validated:
    """The result without the rows that break table checks."""
    if not table.checks:
        return found
    rows = list(zip(*found.columns, strict=True))
    broken = {n: reasons for n, row in enumerate(rows) if (reasons := broken_checks(table, row))}
    if not broken:
        return found
    keep = [n for n in range(len(rows)) if n not in broken]
    return Validated(
        [found.positions[n] for n in keep],
        [[column[n] for n in keep] for column in found.columns],
        found.violations | {found.positions[n]: reasons for n, reasons in broken.items()},
    )


def _by_columns(table: Table, records: Sequence[Record]) -> Columns | None:
    """The texts of all records, or None if a record is invalid or needs cleaning."""
    if not set().union(*records) <= table.by_name.keys():
        return None
    columns: Columns = []
    for column in table.columns:
        validate_column, default = _column(table.model, column.name)
        column_values = [record.get(column.name, default) for record in records]
        try:
            values = validate_column(column_values)
        except ValidationError:
            return None
        if not _is_clean(column, column_values, values):
            return None
        columns.append(_texts(column, values))
    return columns


@cache
def _column(model: type[Row], name: str) -> tuple[Callable[[list[Any]], list[Any]], Any]:
    """The validator of a list of the column's values, and the value of a record that omits the column."""
    info = model.model_fields[name]
    annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    adapter: TypeAdapter[list[Any]] = TypeAdapter(list[annotation])
    return adapter.validate_python, None if info.is_required() else info.default


def _is_clean(column: Column, given: list[Any], values: list[Any]) -> bool:
    """Whether cleaning would not change the given values. Of the simple changes, only text can be valid before them."""
    if column.clean is None:
        return True
    if column.clean.is_extended:
        return all(clean_value(column.clean, v) == (v, ()) for v in given if isinstance(v, str))
    if column.type.name != "text":
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


def _by_model(table: Table, records: Sequence[Record]) -> Validated:
    cleaned = [clean(table, record, Counter()) for record in records]
    adapter = _rows(table.model)
    violations: dict[int, list[Violation]] = {}
    try:
        rows = adapter.validate_python(cleaned)
    except ValidationError as error:
        violations = _by_position(error)
        rows = adapter.validate_python(
            [r for position, r in enumerate(cleaned) if position not in violations]
        )
    values = [row.__dict__ for row in rows]
    columns = [_texts(column, [value[column.name] for value in values]) for column in table.columns]
    return Validated(
        [position for position in range(len(records)) if position not in violations], columns, violations
    )


@cache
def _rows(model: type[Row]) -> TypeAdapter[list[Row]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _by_position(error: ValidationError) -> dict[int, list[Violation]]:
    violations: dict[int, list[Violation]] = {}
    for item in findings(error):
        position, *inside = item["loc"]
        violations.setdefault(int(position), []).append(violation(item, inside))
    return violations
