"""Validate a batch without the database: which records are rows, and which of them share a key."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from dataforge.api.batch import Record
from dataforge.errors import UnknownTable
from dataforge.records.validate import Texts
from dataforge.records.validate_many import Columns, validate_all
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Dataset, Table

Violations = dict[int, list[Violation]]
"""The violations of rejected records, by their index in the batch."""
Statuses = dict[int, str]
"""The statuses of accepted records, by their index in the batch."""


@dataclass(frozen=True)
class Results:
    """The result of each record: its status or its violations."""

    statuses: Statuses = field(default_factory=dict)
    violations: Violations = field(default_factory=dict)

    @property
    def all_inserted(self) -> bool:
        """Whether no record has another result."""
        return not self.violations and set(self.statuses.values()) <= {"inserted"}


def combine(parts: Iterable[Results]) -> Results:
    """The results of all parts. The last one counts for a record that several of them contain."""
    combined = Results()
    for part in parts:
        combined.statuses.update(part.statuses)
        combined.violations.update(part.violations)
    return combined


@dataclass(frozen=True)
class Candidates:
    """The distinct valid rows for one table, by column. ``indices`` are the indices of their records in the batch.

    A position is an offset into ``indices`` and into each column. ``duplicates`` maps the index of a record whose row is
    identical to an earlier one to the index of that one. ``conflicting`` are the positions of different rows with the
    same key, in the order of the batch.
    """

    table: Table
    indices: list[int]
    columns: Columns
    duplicates: dict[int, int] = field(default_factory=dict)
    conflicting: list[list[int]] = field(default_factory=list)

    def values(self, position: int, columns: Iterable[str]) -> Texts:
        """The canonical texts of some columns of a row."""
        names = self.table.column_names
        return tuple(self.columns[names.index(column)][position] for column in columns)

    def without(self, rejected: Container[int]) -> Candidates:
        """The candidates without those of some records, given by index."""
        left = [position for position, index in enumerate(self.indices) if index not in rejected]
        if len(left) == len(self.indices):
            return self
        numbers = {position: number for number, position in enumerate(left)}
        groups = [[numbers[p] for p in group if p in numbers] for group in self.conflicting]
        return Candidates(
            self.table,
            [self.indices[position] for position in left],
            [[column[position] for position in left] for column in self.columns],
            self.duplicates,
            [group for group in groups if len(group) > 1],
        )


def validate_batch(dataset: Dataset, records: Sequence[Record]) -> tuple[list[Candidates], Violations]:
    """The candidates of a batch by table, and the violations of the other records.

    All batches process tables in the same order, parents first, so that they cannot deadlock.
    """
    by_table: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        by_table.setdefault(record["table"], []).append(index)
    violations = _unknown_tables(dataset, by_table)
    candidates = []
    for name in (name for wave in dataset.waves() for name in wave if name in by_table):
        found, invalid = _validate_table(dataset.table(name), by_table[name], records)
        candidates.append(found)
        violations |= invalid
    return candidates, violations


def _unknown_tables(dataset: Dataset, by_table: dict[str, list[int]]) -> Violations:
    return {
        index: [Violation("unknown_table", str(UnknownTable(dataset.name, name, dataset.tables)))]
        for name in by_table.keys() - dataset.tables.keys()
        for index in by_table[name]
    }


def _validate_table(
    table: Table, indices: Sequence[int], records: Sequence[Record]
) -> tuple[Candidates, Violations]:
    validated = validate_all(table, [records[index]["data"] for index in indices])
    violations = {indices[number]: found for number, found in validated.violations.items()}
    candidates = Candidates(table, [indices[number] for number in validated.positions], validated.columns)
    if table.is_multiset:
        return candidates, violations
    keys = [candidates.columns[table.column_names.index(name)] for name in table.identity]
    distinct = set(keys[0]) if len(keys) == 1 else set(zip(*keys, strict=True))
    if len(distinct) < len(candidates.indices):
        candidates = _separate(candidates)
    return candidates, violations


def _separate(candidates: Candidates) -> Candidates:
    """The candidates without duplicates, with conflicting rows grouped by key."""
    first: dict[Texts, int] = {}
    duplicates = {}
    for index, row in zip(candidates.indices, zip(*candidates.columns, strict=True), strict=True):
        if first.setdefault(row, index) != index:
            duplicates[index] = first[row]
    columns: Columns = [list(column) for column in zip(*first, strict=True)]
    key_columns = [columns[candidates.table.column_names.index(name)] for name in candidates.table.identity]
    groups: dict[Texts, list[int]] = {}
    for position, key in enumerate(zip(*key_columns, strict=True)):
        groups.setdefault(key, []).append(position)
    conflicting = [group for group in groups.values() if len(group) > 1]
    return Candidates(candidates.table, list(first.values()), columns, duplicates, conflicting)
