"""The columns that a declared key of several columns has beside those that distinguish the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from discovery.structure.key_roles import STRONG, KeyRoles
from discovery.structure.keys import DATES
from discovery.structure.texts import ColumnTexts, TextStore
from discovery.structure.vocabulary import SURROGATE

_IDENTIFIES = 2.0
_FEW = 1_000
"""Fewer rows of a history have the days of one thing once by accident."""


def as_declared(store: TextStore, roles: KeyRoles, columns: Sequence[ColumnTexts]) -> tuple[str, ...]:
    """The columns of a key with those that its declaration is likely to have, too, in the table's order."""
    chosen = {c.name for c in columns} | {*_constants(roles, columns)} | {*_between(store, roles, columns)}
    return tuple(column.name for column in roles.table.columns if column.name in chosen)


def with_own_number(roles: KeyRoles, key: tuple[str, ...]) -> tuple[str, ...]:
    """The key of one column with the table's first one, if that is a bare number that several rows have: ``id``."""
    first = roles.table.columns[0]
    parts = roles.names.column(roles.table.table, first.name)
    repeats = first.is_complete and 1 < first.distinct < roles.table.rows
    own = len(parts) == 1 and parts[0] in SURROGATE and repeats
    return (first.name, *key) if own and first.name not in key else key


def _constants(roles: KeyRoles, columns: Sequence[ColumnTexts]) -> Iterator[str]:
    """Columns before the last one that identify and have one value only: the files are a part of more."""
    dated = any(roles.table.kinds[column.name] in DATES for column in columns)
    least = _IDENTIFIES if dated else STRONG
    for column in roles.table.columns[: columns[-1].position]:
        if column.is_complete and column.distinct == 1 and roles.of(column) >= least:
            yield column.name


def _between(store: TextStore, roles: KeyRoles, columns: Sequence[ColumnTexts]) -> Iterator[str]:
    """Columns among the first ones, all of which identify up to the last one of the key: a reference, or a day of few.

    One that depends on a single column of the key, as a customer on an order, is not a part of it.
    """
    last = columns[-1]
    first = roles.table.columns[: last.position]
    history = roles.table.kinds[last.name] in DATES and roles.table.rows < _FEW
    if not (last.name in roles.parents or history) or not all(_is_strong(roles, column) for column in first):
        return
    for column in first:
        further = column not in columns and column.distinct > 1
        if further and not any(_depends(store, roles.table.table, column, other) for other in columns):
            yield column.name


def _is_strong(roles: KeyRoles, column: ColumnTexts) -> bool:
    return column.is_complete and roles.of(column) >= STRONG


def _depends(store: TextStore, table: str, column: ColumnTexts, other: ColumnTexts) -> bool:
    """Whether each value of the other column has one value of this one."""
    return store.groups(table, [other.name, column.name])[0] == store.groups(table, [other.name])[0]
