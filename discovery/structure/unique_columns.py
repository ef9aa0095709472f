"""Unique columns beside the key: those that a reference needs, and those that are unique by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from discovery.structure.keys import DATES, Columns, KeyProposal
from discovery.structure.references import Keys, Reference
from discovery.structure.table_names import TableNames
from discovery.structure.vocabulary import UNIQUE

_ROWS = 100
"""Fewer rows have different values by accident."""


def unique_columns(
    tables: Mapping[str, Columns],
    names: TableNames,
    proposals: Mapping[str, Sequence[KeyProposal]],
    keys: Keys,
    references: Sequence[Reference],
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The sets of unique columns of each table without its key, in the order of the columns."""
    return {
        name: tuple(
            (column.name,)
            for column in table.columns
            if keys[name] != (column.name,)
            if _is_target(name, column.name, references)
            or (
                column.name in _named(table, names, proposals[name])
                and not _refers(name, column.name, references)
            )
        )
        for name, table in tables.items()
    }


def unique_notes(
    table: Columns,
    proposals: Sequence[KeyProposal],
    key: tuple[str, ...] | None,
    references: Sequence[Reference],
) -> tuple[str, ...]:
    """Evidence for what is uncertain about the key of a table.

    A unique column that refers to another table could replace a key of several columns, and not one of a single column.
    """
    notes = []
    several = len(key or ()) > 1
    for proposal in proposals:
        if proposal.columns == key and proposal.damaged:
            notes.append(
                f"{proposal.damaged:,} of {table.rows:,} rows repeat a value of the key {proposal.columns[0]}, or have none"
            )
        elif proposal.columns == key or proposal.damaged or proposal.score < _NOTED:
            continue
        elif several or not _refers(table.table, proposal.columns[0], references):
            notes.append(f"{proposal.columns[0]} is unique in all rows, too, and could be the key")
    return tuple(notes)


_NOTED = 2.5
"""The least score of a column that is reported as a possible key."""


def _is_target(table: str, column: str, references: Sequence[Reference]) -> bool:
    return any(r.parent == table and r.parent_columns == (column,) for r in references)


def _refers(table: str, column: str, references: Sequence[Reference]) -> bool:
    return any(r.child == table and column in r.columns for r in references)


def _named(table: Columns, names: TableNames, proposals: Sequence[KeyProposal]) -> set[str]:
    """The unique columns whose names state that they are unique: ``email``, ``slug``, ``isbn``."""
    return {
        proposal.columns[0]
        for proposal in proposals
        if not proposal.damaged and table.rows >= _ROWS
        if table.kinds[proposal.columns[0]] not in DATES
        if (parts := names.column(table.table, proposal.columns[0])) and parts[-1] in UNIQUE
    }
