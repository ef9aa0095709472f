"""Judging a batch without the database: which records are rows, and which of them share a key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataforge.catalogue import Dataset, Table
from dataforge.errors import UnknownTable
from dataforge.rows import Texts, Violation
from dataforge.verdicts import process_all
from functions.ingest.envelope import Record

Violations = dict[int, list[Violation]]
"""What is wrong with records, by their index in the batch."""


@dataclass
class Candidates:
    """The valid rows for one table, each once: ``indices`` are their records' in the batch.

    ``copies``: records whose row is identical to an earlier one's, and that one's index. ``rivals``: the places (in
    ``rows``) of different rows with one key, in the batch's order.
    """

    table: Table
    indices: list[int] = field(default_factory=list)
    rows: list[Texts] = field(default_factory=list)
    copies: dict[int, int] = field(default_factory=dict)
    rivals: list[list[int]] = field(default_factory=list)


def judge(dataset: Dataset, records: Sequence[Record]) -> tuple[list[Candidates], Violations]:
    """The batch's candidates by table, parents first, and what is wrong with the other records."""
    by_table: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        by_table.setdefault(record["table"], []).append(index)
    violations: Violations = {}
    for name in by_table.keys() - dataset.tables.keys():
        message = str(UnknownTable(dataset.name, name, dataset.tables))
        violations |= {i: [Violation("unknown_table", message)] for i in by_table[name]}
    order = [name for wave in dataset.waves() for name in wave if name in by_table]
    candidates = [
        _judge_table(
            dataset.table(name), by_table[name], [records[i]["data"] for i in by_table[name]], violations
        )
        for name in order
    ]
    return candidates, violations


def _judge_table(
    table: Table, indices: Sequence[int], data: Sequence[Mapping[str, Any]], violations: Violations
) -> Candidates:
    found = Candidates(table)
    for index, verdict in zip(indices, process_all(table, data, Counter()), strict=True):
        if isinstance(verdict, list):
            violations[index] = verdict
        else:
            found.indices.append(index)
            found.rows.append(verdict)
    places = [table.column_names.index(name) for name in table.key]
    if len({tuple(row[p] for p in places) for row in found.rows}) < len(found.rows):
        _separate(found, places)
    return found


def _separate(found: Candidates, places: Sequence[int]) -> None:
    """Take out copies, and note rivals."""
    first: dict[Texts, int] = {}
    for index, row in zip(found.indices, found.rows, strict=True):
        if first.setdefault(row, index) != index:
            found.copies[index] = first[row]
    found.indices, found.rows = list(first.values()), list(first)
    groups: dict[Texts, list[int]] = {}
    for place, row in enumerate(found.rows):
        groups.setdefault(tuple(row[p] for p in places), []).append(place)
    found.rivals = [group for group in groups.values() if len(group) > 1]
