"""Propose keys of several columns: sets that are unique, and not by accident."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from discovery.structure.first_rows import FirstRows
from discovery.structure.key_roles import STRONG, KeyRoles
from discovery.structure.keys import CHANCE, Columns
from discovery.structure.texts import ColumnTexts, TextStore
from discovery.structure.wider_keys import as_declared

_ENOUGH = 2.0
_MANY = 1_000
"""In as many rows, chance leaves duplicates in most sets that do not form a key."""
_HISTORY = 50
"""The least rows of a table whose key is accepted because of the name of a start."""
_FURTHER = 0.6
"""The cost of a further column in the order of the sets: the smallest set is the likeliest."""
_LEADING_CHANCE = 5
"""The first columns of a table are few sets, so that less chance is evidence enough."""
_RUN_CHANCE = 0.5
"""The same, if they are all columns before the first that does not identify."""
_NUMBERED = 1.2
"""A number of the parts of one thing is likelier a part of the key than a second reference."""
_NEARLY = 0.5
"""The least share of different values in the number of a table's rows."""
_CANDIDATES = 9
_MOST_COLUMNS = 4
_MOST_TRIED = 100
"""Sets whose uniqueness is determined, the likeliest first."""
_MOST_COUNTED = 30
"""Those of them that are counted exactly: the first rows have no copies."""


@dataclass(frozen=True)
class CompositeKeys:
    """The search in one table."""

    store: TextStore
    roles: KeyRoles

    @property
    def table(self) -> Columns:
        """The table."""
        return self.roles.table

    @property
    def parents(self) -> Collection[str]:
        """The columns that refer to other tables."""
        return self.roles.parents

    def best(self) -> tuple[str, ...] | None:
        """The best certain key of several columns."""
        sets = self._sets()[:_MOST_TRIED]
        first = FirstRows(self.store, self.table.table, tuple({c.name for _, cs in sets for c in cs}))
        likely = (cs for _, cs in sets if not first.has_copies([c.name for c in cs]))
        for columns in itertools.islice(likely, _MOST_COUNTED):
            if not self._skips(columns) and self._is_unique(columns) and self._is_certain(columns):
                return as_declared(self.store, self.roles, columns)
        return None

    def extended(self, key: str) -> tuple[str, ...] | None:
        """A column and a reference, if rows with the same value of the column differ in their references only."""
        own = [column for column in self.table.columns if column.name not in self.parents]
        if self.store.groups(self.table.table, [c.name for c in own])[0] != self.table.column(key).distinct:
            return None
        for column in self.table.columns:
            chosen = sorted((self.table.column(key), column), key=lambda c: c.position)
            if column.name in self.parents and column.is_complete and self._is_unique(chosen):
                return tuple(c.name for c in chosen)
        return None

    def _sets(self) -> list[tuple[float, Sequence[ColumnTexts]]]:
        """The sets of the likeliest columns with enough values to distinguish all rows, the likeliest first."""
        roles = {
            column.name: self.roles.of(column)
            for column in self.table.columns
            if self.roles.may_take_part(column)
        }
        likely = sorted(
            (column for column in self.table.columns if column.name in roles),
            key=lambda column: column.position * 0.02 - roles[column.name],
        )[:_CANDIDATES]
        sets = [
            (score, columns)
            for size in range(2, _MOST_COLUMNS + 1)
            for chosen in itertools.combinations(likely, size)
            if math.prod(column.distinct for column in chosen) >= 0.95 * self.table.rows
            if (columns := sorted(chosen, key=lambda column: column.position))
            if (score := _score([roles[column.name] for column in columns], columns)) >= _ENOUGH
        ]
        return sorted(sets, key=lambda found: _FURTHER * len(found[1]) - found[0] - self._numbered(found[1]))

    def _numbered(self, columns: Sequence[ColumnTexts]) -> float:
        """The preference of a reference with a number of its parts to two references."""
        parts = [column for column in columns if self.roles.numbers(column)]
        others = [column for column in columns if column not in parts]
        return _NUMBERED if len(parts) == len(others) == 1 and others[0].name in self.parents else 0

    def _is_unique(self, columns: Sequence[ColumnTexts]) -> bool:
        return self.store.is_unique(self.table.table, [column.name for column in columns])

    def _is_certain(self, columns: Sequence[ColumnTexts]) -> bool:
        names = {column.name for column in columns}
        chance = self.table.rows**2 / 2 / math.prod(column.distinct for column in columns)
        strong, leading = self._is_strong(columns), self._is_leading(columns)
        likely = chance >= (_LEADING_CHANCE if leading else CHANCE)
        if (likely and strong) or ((likely or strong) and self._least_chance(columns) >= CHANCE):
            return True
        if leading and len(columns) > 2 and self.table.rows >= _MANY and self._is_strong(columns[:-1]):
            least = _RUN_CHANCE if strong and not self._continues(columns) else 1
            if chance >= least:
                return True
        if names <= set(self.parents):
            return (self.table.rows >= _MANY and chance >= 1) or len(self.table.columns) <= len(columns) + 1
        if self._is_history(columns):
            return True
        if len(columns) == len(self.table.columns) and names & set(self.parents):
            return True
        leads = columns[0].position == 0 and (self.table.rows < _MANY or chance >= 1)
        return leads and all(map(self.roles.identifies, columns))

    def _skips(self, columns: Sequence[ColumnTexts]) -> bool:
        """Whether the table's own number is extended by a later column than the next one that identifies.

        Then the number is the key that is meant, and rows repeat it by mistake.
        """
        own = (column for column in columns if column.distinct >= _NEARLY * self.table.rows)
        between = self.table.columns[columns[0].position : columns[-1].position]
        skipped = (column for column in between if column.is_complete and column not in columns)
        return any(map(self.roles.names_table, own)) and any(map(self.roles.identifies, skipped))

    def _is_leading(self, columns: Sequence[ColumnTexts]) -> bool:
        """Whether no column before the last may take part in the key, except these."""
        between = self.table.columns[: columns[-1].position]
        return not any(self.roles.may_take_part(column) for column in between if column not in columns)

    def _continues(self, columns: Sequence[ColumnTexts]) -> bool:
        """Whether the next column that may take part in the key identifies too."""
        further = self.table.columns[columns[-1].position + 1 :]
        following = next(filter(self.roles.may_take_part, further), None)
        return following is not None and self._is_strong([following])

    def _is_history(self, columns: Sequence[ColumnTexts]) -> bool:
        """Whether the columns are a reference in the first place and the time from which the row holds."""
        first, *others = columns
        starts = len(others) == 1 and self.roles.starts(others[0])
        return first.position == 0 and first.name in self.parents and starts and self.table.rows >= _HISTORY

    def _is_strong(self, columns: Sequence[ColumnTexts]) -> bool:
        return all(self.roles.of(column) >= STRONG for column in columns)

    def _least_chance(self, columns: Sequence[ColumnTexts]) -> float:
        """The duplicates that a column would have left if its values were independent of the others, at least."""
        least = math.inf
        for left_out in columns:
            others = [column.name for column in columns if column is not left_out]
            _, pairs = self.store.groups(self.table.table, others)
            least = min(least, pairs / left_out.distinct)
            if least < CHANCE:
                break
        return least


def _score(roles: Sequence[float], columns: Sequence[ColumnTexts]) -> float:
    places = sum(column.position for column in columns)
    return min(roles) + sum(roles) / len(roles) / 2 - 0.02 * places - 0.2 * (len(roles) - 2)
