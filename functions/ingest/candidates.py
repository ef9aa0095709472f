"""Judging a batch without the database: which records are rows, and which of them share a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dataforge.api.batch import Record
from dataforge.errors import UnknownTable
from dataforge.records.validate import Texts, Violation
from dataforge.records.validate_many import Columns, process_all
from dataforge.tables.catalogue import Dataset, Table

Violations = dict[int, list[Violation]]
"""What is wrong with records, by their index in the batch."""
Statuses = dict[int, str]
"""What became of records, by their index in the batch."""


@dataclass
class Candidates:
    """The valid rows for one table, each once, column by column: ``indices`` are their records' in the batch.

    ``copies``: records whose row is identical to an earlier one's, and that one's index. ``rivals``: the places (in
    ``indices``) of different rows with one key, in the batch's order.
    """

    table: Table
    indices: list[int]
    columns: Columns
    copies: dict[int, int] = field(default_factory=dict)
    rivals: list[list[int]] = field(default_factory=list)

    def value(self, place: int, column: str) -> str | None:
        """One value, as its canonical text."""
        return self.columns[self.table.column_names.index(column)][place]


def judge(dataset: Dataset, records: Sequence[Record]) -> tuple[list[Candidates], Violations]:
    """The batch's candidates by table, and what is wrong with the other records.

    All batches take the tables in one order, parents first, so that they cannot deadlock.
    """
    by_table: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        by_table.setdefault(record["table"], []).append(index)
    violations: Violations = {}
    for name in by_table.keys() - dataset.tables.keys():
        message = str(UnknownTable(dataset.name, name, dataset.tables))
        violations |= {index: [Violation("unknown_table", message)] for index in by_table[name]}
    candidates = [
        _judge_table(dataset.table(name), by_table[name], records, violations)
        for wave in dataset.waves()
        for name in wave
        if name in by_table
    ]
    return candidates, violations


def _judge_table(
    table: Table, indices: Sequence[int], records: Sequence[Record], violations: Violations
) -> Candidates:
    verdicts = process_all(table, [records[index]["data"] for index in indices])
    violations |= {indices[place]: found for place, found in verdicts.violations.items()}
    found = Candidates(table, [indices[place] for place in verdicts.places], verdicts.columns)
    keys = [found.columns[table.column_names.index(name)] for name in table.key]
    distinct = set(keys[0]) if len(keys) == 1 else set(zip(*keys, strict=True))
    if len(distinct) < len(found.indices):
        _separate(found)
    return found


def _separate(found: Candidates) -> None:
    """Take out copies, and note rivals."""
    first: dict[Texts, int] = {}
    for index, row in zip(found.indices, zip(*found.columns, strict=True), strict=True):
        if first.setdefault(row, index) != index:
            found.copies[index] = first[row]
    found.indices, found.columns = list(first.values()), [list(column) for column in zip(*first, strict=True)]
    groups: dict[Texts, list[int]] = {}
    for place in range(len(found.indices)):
        key = tuple(found.value(place, name) for name in found.table.key)
        groups.setdefault(key, []).append(place)
    found.rivals = [group for group in groups.values() if len(group) > 1]
