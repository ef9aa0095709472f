"""A table of SQL while its statements are read, and the description that results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dataforge import Check, Label, Name
from discovery.described.description import DescribedColumn, DescribedReference, DescribedTable
from discovery.described.sql_checks import Choices, Length
from discovery.types.declared import literal

_LIMITED: dict[str, dict[tuple[str, int], tuple[str, Any]]] = {
    "Text": {(">=", 1): ("Name", Name)},
    "Name": {("<=", 200): ("Label", Label)},
}


@dataclass
class SqlTable:
    """A table whose statements are being read."""

    name: str
    columns: dict[str, DescribedColumn] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = field(default_factory=list)
    references: list[DescribedReference] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def add_unique(self, columns: tuple[str, ...] | None) -> None:
        """A unique constraint; None for one that is not on columns."""
        if columns and columns not in self.unique:
            self.unique.append(columns)

    def limit(self, length: Length) -> None:
        """A bound of a text's length by a CHECK: of the types of texts, Name has 1 character or more, Label at most 200."""
        column = next((c for n, c in self.columns.items() if n.lower() == length.column.lower()), None)
        if column is None or column.declared is None or column.declared.source not in _LIMITED:
            return
        source, annotation = _LIMITED[column.declared.source].get(
            (length.sign, length.characters), (None, None)
        )
        if source is not None:
            declared = replace(column.declared, source=source, annotation=annotation)
            self.columns[column.name] = replace(column, declared=declared)

    def restrict(self, choices: Choices) -> None:
        """An enumeration by a CHECK."""
        column = next((c for n, c in self.columns.items() if n.lower() == choices.column.lower()), None)
        if column is not None:
            self.columns[column.name] = replace(column, declared=literal(choices.texts))


def described_table(table: SqlTable, source: str) -> DescribedTable:
    own = {name.lower(): name for name in table.columns}

    def spelled(columns: Iterable[str]) -> tuple[str, ...]:
        return tuple(own.get(column.lower(), column) for column in columns)

    key = spelled(table.key)
    columns = tuple(_in_key(column, key) for column in table.columns.values())
    return DescribedTable(
        table.name,
        source,
        columns,
        key,
        tuple(dict.fromkeys(spelled(unique) for unique in table.unique if spelled(unique) != key)),
        tuple(replace(r, columns=spelled(r.columns)) for r in table.references),
        tuple(_spelled_checks(table.checks, own)),
    )


def _in_key(column: DescribedColumn, key: tuple[str, ...]) -> DescribedColumn:
    return replace(column, nullable=False) if column.name in key else column


def _spelled_checks(checks: Iterable[Check], own: dict[str, str]) -> Iterator[Check]:
    for check in checks:
        names = [own.get(name.lower()) for name in filter(None, (check.column, check.other))]
        if None not in names:
            other = own[check.other.lower()] if check.other else ""
            yield replace(check, column=own[check.column.lower()], other=other)
