"""How likely the columns of a table take part in a key of several columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from discovery.structure.keys import DATES, KEY_KINDS, TEXTS, WHOLE, Columns
from discovery.structure.table_names import TableNames
from discovery.structure.texts import ColumnTexts
from discovery.structure.vocabulary import (
    AREAS,
    COUNTING,
    DESCRIBING,
    IDENTIFYING,
    MEASURING,
    PERIODS,
    RECORDED,
    SEQUENCE,
    STARTS,
    SURROGATE,
)
from discovery.structure.words import is_identifying

_AREA = 1.5
"""The role of the name of an area, of which statistics have one row for each period."""
STRONG = 1.8
"""Roles of columns whose names state that they identify."""


@dataclass(frozen=True)
class KeyRoles:
    """The columns of one table. ``parents``: those that refer to other tables."""

    table: Columns
    names: TableNames
    parents: Collection[str]

    def may_take_part(self, column: ColumnTexts) -> bool:
        kind = self.table.kinds[column.name]
        long = kind in TEXTS and column.mean_length > 40
        varied = column.distinct > 1 and not column.is_unique
        return column.is_complete and varied and kind in KEY_KINDS and not long

    def of(self, column: ColumnTexts) -> float:
        """How likely a column is a part of a key: 0 to 3."""
        parts = self.names.column(self.table.table, column.name)
        if column.name in self.parents:
            return 3
        if not parts:
            return 1.3 if column.position < 2 else 0.3
        if self.names.identifies(parts, self.table.table):
            return 3
        if self.table.kinds[column.name] in WHOLE and self.names.is_subject(parts, self.table.table):
            return 2.5
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
        if len(parts) == 1 and parts[0] in AREAS and column.position < 2 and kind in TEXTS:
            return _AREA
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

    def identifies(self, column: ColumnTexts) -> bool:
        """Whether a column refers to a table, or its name identifies."""
        return column.name in self.parents or is_identifying(self.names.column(self.table.table, column.name))

    def is_measure(self, column: ColumnTexts) -> bool:
        """Whether a column's name is that of a measure."""
        parts = self.names.column(self.table.table, column.name)
        return bool(parts) and parts[-1] in MEASURING

    def names_table(self, column: ColumnTexts) -> bool:
        """Whether a column has the name of the table's own number: ``order_id`` of ``orders``."""
        return self.names.identifies(self.names.column(self.table.table, column.name), self.table.table)

    def numbers(self, column: ColumnTexts) -> bool:
        """Whether a column's name is that of numbers of the parts of one thing: ``stop_sequence``, ``line_no``."""
        parts = self.names.column(self.table.table, column.name)
        last = parts[:-1] if len(parts) > 1 and parts[-1] in IDENTIFYING - SURROGATE else parts
        return bool(last) and (last[-1] in SEQUENCE or _counts(last[-1]))

    def starts(self, column: ColumnTexts) -> bool:
        """Whether a column states from when its row holds."""
        return bool(STARTS & set(self.names.column(self.table.table, column.name)))

    def is_moment(self, column: ColumnTexts) -> bool:
        """Whether a column states when its row was recorded."""
        parts = self.names.column(self.table.table, column.name)
        return self.table.kinds[column.name] in DATES or (bool(parts) and parts[-1] in RECORDED)


def _counts(word: str) -> bool:
    """Whether a word counts without a separator: ``linenumber``."""
    return any(word.startswith(start) and word[len(start) :] in IDENTIFYING for start in COUNTING)
