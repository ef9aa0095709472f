"""Propose keys of several columns: sets that are unique, and not by accident."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from discovery.keys import CHANCE, DATES, KEY_KINDS, TEXTS, WHOLE, Columns, KeyProposal
from discovery.table_names import TableNames
from discovery.texts import ColumnTexts, TextStore
from discovery.vocabulary import COUNTING, DESCRIBING, IDENTIFYING, MEASURING, PERIODS, RECORDED, SURROGATE
from discovery.words import is_identifying

_ENOUGH = 2.0
_IDENTIFIES = 2.0
_STRONG = 1.8
"""Roles of columns whose names state that they identify."""
_LEADING_CHANCE = 5
"""The first columns of a table are few sets, so that less chance is evidence enough."""
_CANDIDATES = 9
_MOST_COLUMNS = 4
_MOST_TRIED = 30
"""Sets whose uniqueness is determined, the likeliest first."""
_FIRST_ROWS = 50_000
"""Duplicates among the first rows exclude most sets at little cost."""


@dataclass(frozen=True)
class CompositeKeys:
    """The search in one table. ``parents``: the columns that refer to other tables."""

    store: TextStore
    table: Columns
    names: TableNames
    parents: Collection[str]

    def best(self) -> KeyProposal | None:
        """The best certain key of several columns."""
        for score, columns in itertools.islice(self._sets(), _MOST_TRIED):
            if self._is_unique(columns) and self._is_certain(columns):
                return KeyProposal(self._with_constants(columns), score)
        return None

    def _with_constants(self, columns: Sequence[ColumnTexts]) -> tuple[str, ...]:
        """The columns with those before them that identify and have one value only: the files are a part of more."""
        last, chosen = columns[-1].position, {column.name for column in columns}
        dated = any(self.table.kinds[column.name] in DATES for column in columns)
        constants = {
            column.name
            for column in self.table.columns[:last]
            if column.is_complete and column.distinct == 1
            if self._role(column) >= (_IDENTIFIES if dated else _STRONG)
        }
        return tuple(column.name for column in self.table.columns if column.name in chosen | constants)

    def extended(self, key: str) -> KeyProposal | None:
        """A column and a reference, if rows with the same value of the column differ in their references only."""
        own = [column for column in self.table.columns if column.name not in self.parents]
        if self.store.groups(self.table.table, [c.name for c in own])[0] != self.table.column(key).distinct:
            return None
        for column in self.table.columns:
            chosen = sorted((self.table.column(key), column), key=lambda c: c.position)
            if column.name in self.parents and column.is_complete and self._is_unique(chosen):
                return KeyProposal(tuple(c.name for c in chosen), 3.0)
        return None

    def links(self) -> KeyProposal | None:
        """The two references that a table of links begins with, also where the sample has each value of one only once."""
        first = self.table.columns[:2]
        names = {column.name for column in first}
        links = len(self.parents) >= 2 and len(self.table.columns) <= len(self.parents) + 2
        if not (links and names <= set(self.parents) and self._is_unique(first)):
            return None
        return KeyProposal(tuple(column.name for column in first), 3.0)

    def _sets(self) -> list[tuple[float, Sequence[ColumnTexts]]]:
        """The sets of the likeliest columns that have enough values to tell all rows apart, the likeliest first."""
        roles = {
            column.name: self._role(column) for column in self.table.columns if self._may_take_part(column)
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
        return sorted(sets, key=lambda found: -found[0])

    def _may_take_part(self, column: ColumnTexts) -> bool:
        kind = self.table.kinds[column.name]
        long = kind in TEXTS and column.mean_length > 40
        varied = column.distinct > 1 and not column.is_unique
        return column.is_complete and varied and kind in KEY_KINDS and not long

    def _role(self, column: ColumnTexts) -> float:
        """How likely a column is a part of a key: 0 to 3."""
        parts = self.names.column(self.table.table, column.name)
        if column.name in self.parents:
            return 3
        if not parts:
            return 1.3 if column.position < 2 else 0.3
        if self.names.identifies(parts, self.table.table):
            return 3
        if parts[-1] in SURROGATE or "".join(parts).endswith(("id", "key")):
            return 2.5
        if parts[-1] in COUNTING or parts[0] in COUNTING or _counts(parts[-1]):
            return 2.2
        if parts[-1] in IDENTIFYING:
            # A code alone classifies the row; it does not identify it.
            return 2 if len(parts) > 1 else 0.5
        return self._plain_role(column, parts)

    def _plain_role(self, column: ColumnTexts, parts: tuple[str, ...]) -> float:
        kind = self.table.kinds[column.name]
        if parts[-1] in MEASURING or set(parts) & DESCRIBING:
            return 0.8 if column.position < 2 and kind in TEXTS else 0
        if set(parts) & PERIODS:
            return 1.8
        if parts[-1] in RECORDED:
            return 0.3
        if kind in DATES:
            return 1.6 if kind == "date" else 0.8
        small = kind in WHOLE and column.distinct <= max(12, self.table.rows**0.5)
        brief = kind in TEXTS and column.mean_length <= 20
        if column.position < 2:
            return 1.5 if small or brief else 1.0
        return 1.4 if column.position < 6 and (small or (brief and column.distinct <= 40)) else 0.3

    def _is_unique(self, columns: Sequence[ColumnTexts]) -> bool:
        names = [column.name for column in columns]
        name = self.table.table
        if self.table.rows > 2 * _FIRST_ROWS and self.store.has_copies(name, names, _FIRST_ROWS):
            return False
        return self.store.is_unique(name, names)

    def _is_certain(self, columns: Sequence[ColumnTexts]) -> bool:
        names = {column.name for column in columns}
        chance = self.table.rows**2 / 2 / math.prod(column.distinct for column in columns)
        leading = all(column.position == number for number, column in enumerate(columns))
        if chance >= (_LEADING_CHANCE if leading else CHANCE) and (
            self._is_strong(columns) or self._least_chance(columns) >= CHANCE
        ):
            return True
        if leading and self.table.rows >= 1000 and self._is_strong(columns[:-1]) and len(columns) > 2:
            return True
        if names <= set(self.parents):
            return self.table.rows >= 1000 or len(self.table.columns) <= len(columns) + 1
        if len(columns) == len(self.table.columns) and names & set(self.parents):
            return True
        leads = columns[0].position == 0
        return leads and all(c.name in self.parents or self._identifies(c) for c in columns)

    def _is_strong(self, columns: Sequence[ColumnTexts]) -> bool:
        return all(self._role(column) >= _STRONG for column in columns)

    def _identifies(self, column: ColumnTexts) -> bool:
        return is_identifying(self.names.column(self.table.table, column.name))

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


def _counts(word: str) -> bool:
    """Whether a word counts without a separator: ``linenumber``."""
    return any(word.startswith(start) and word[len(start) :] in IDENTIFYING for start in COUNTING)


def _score(roles: Sequence[float], columns: Sequence[ColumnTexts]) -> float:
    places = sum(column.position for column in columns)
    return min(roles) + sum(roles) / len(roles) / 2 - 0.02 * places - 0.2 * (len(roles) - 2)
