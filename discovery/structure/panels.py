"""Keys of tables that have one row for each combination: of countries and years, of persons and questions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

from discovery.structure.key_roles import KeyRoles
from discovery.structure.texts import ColumnTexts, TextStore

_ROWS = 20
_FILLED = 0.8
"""The least share of the combinations that are rows: chance repeats some long before that."""
_COLUMNS = 8
"""The first columns of a table, among which its key is."""
_MOST_COLUMNS = 4
_MOST_COUNTED = 10


def panel_key(store: TextStore, roles: KeyRoles) -> tuple[str, ...] | None:
    """The fewest first columns whose combinations are the rows, nearly all of them and each once."""
    table = roles.table
    if table.rows < _ROWS:
        return None
    for columns in list(_filled(roles))[:_MOST_COUNTED]:
        names = tuple(column.name for column in columns)
        if store.is_unique(table.table, names):
            return names
    return None


def _filled(roles: KeyRoles) -> Iterator[Sequence[ColumnTexts]]:
    """The sets with about as many combinations as there are rows, those that identify first."""
    rows = roles.table.rows
    some = [c for c in roles.table.columns[:_COLUMNS] if roles.may_take_part(c) and not roles.is_measure(c)]
    for size in range(2, _MOST_COLUMNS + 1):
        sets = (
            columns
            for columns in combinations(some, size)
            if rows <= math.prod(c.distinct for c in columns) <= rows / _FILLED
        )
        yield from sorted(sets, key=lambda columns: _order(roles, columns))


def _order(roles: KeyRoles, columns: Sequence[ColumnTexts]) -> tuple[int, list[int]]:
    return -sum(map(roles.identifies, columns)), [column.position for column in columns]
