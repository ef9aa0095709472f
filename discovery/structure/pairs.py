"""A column and a possible target of a reference, and whether their values are evidence without a name."""

from __future__ import annotations

from dataclasses import dataclass

from discovery.structure.inclusion import Inclusion
from discovery.structure.keys import TEXTS, WHOLE, Columns
from discovery.structure.table_names import TableNames
from discovery.structure.texts import ColumnTexts, Coverage
from discovery.structure.vocabulary import AREAS, CALENDARS, MEASURING, PERIODS, RECORDED
from discovery.structure.words import is_identifying

_SAME = {"smallint": "text", "integer": "text", "bigint": "text", "varchar": "text"}
"""Codes of which one table has digits only: the declaration makes both sides text."""
_MOMENTS = {"date", "timestamp", "timestamptz", "time", "interval"}
_NOT_BY_VALUES = PERIODS | RECORDED | MEASURING
_TELLING_LENGTH = 8
_TELLING_VALUES = 20
"""Texts of this length and number agree by rule: small integers agree by accident."""
_SPANNED = 0.5
"""The share of a target's range that integers have to span: the low numbers of a sequence have no gaps."""
_ACCIDENT = 1e-4
"""Integers are in a target by rule if accident has at most this probability."""
_CALENDAR = 4.5
"""The strength of a date or year that has the name of a calendar's key."""


@dataclass(frozen=True)
class Pair:
    """A column of ``table`` that may refer to the unique column ``key`` of ``parent``."""

    table: Columns
    column: ColumnTexts
    parent: Columns
    key: ColumnTexts

    @property
    def to_itself(self) -> bool:
        """Whether both columns are of one table."""
        return self.parent is self.table

    @property
    def is_possible(self) -> bool:
        """Whether the columns differ and have comparable kinds."""
        kind, key_kind = self.table.kinds[self.column.name], self.parent.kinds[self.key.name]
        other = not (self.to_itself and self.column.name == self.key.name)
        return other and _SAME.get(kind or "", kind) == _SAME.get(key_kind or "", key_kind)

    def share(self, inclusion: Inclusion) -> float:
        """The share of the column's sampled values that the target has."""
        return inclusion.share(self.table.table, self.column.name, self.parent.table, self.key.name)

    def coverage(self, inclusion: Inclusion) -> Coverage:
        """How far the column's values are found in the target."""
        own, key = (self.column.name,), (self.key.name,)
        return inclusion.coverage(self.table.table, own, self.parent.table, key)

    def strength(self, names: TableNames) -> float:
        """How strongly the column's name points to the target: 0 to 5."""
        parts = names.column(self.table.table, self.column.name)
        key_parts = names.column(self.parent.table, self.key.name)
        if self.parent.kinds[self.key.name] in _MOMENTS or key_parts in {("year",), ("month",)}:
            calendar = bool(CALENDARS & set(names.subject(self.parent.table)))
            return _CALENDAR if calendar and parts == key_parts else 0
        strength = names.refers(parts, self.parent.table, key_parts)
        if strength < 2 and (bare := names.without_own(parts, self.table.table)):
            strength = names.refers(bare, self.parent.table, key_parts)
        return names.to_itself(parts, self.table.table, strength) if self.to_itself and parts else strength

    def is_by_plain_name(self, names: TableNames) -> bool:
        """Whether the names are the same and identify nothing: ``country`` of two tables."""
        parts = names.column(self.table.table, self.column.name)
        same = parts == names.column(self.parent.table, self.key.name)
        return same and not is_identifying(parts) and not names.is_subject(parts, self.parent.table)

    def is_by_area(self, names: TableNames) -> bool:
        """Whether two tables that are not named after areas have one name of areas: ``state`` of statistics."""
        parts = names.column(self.table.table, self.column.name)
        return bool(AREAS & set(parts)) and self.is_by_plain_name(names)

    def is_telling(self, names: TableNames, inclusion: Inclusion) -> bool:
        """Whether values alone are evidence: long texts, or many integers that accident would not include."""
        kind = self.parent.kinds[self.key.name]
        parts = names.column(self.table.table, self.column.name)
        if self.to_itself or kind in _MOMENTS or (parts and parts[-1] in _NOT_BY_VALUES):
            return False
        if names.identifies(parts, self.table.table):
            return False
        if kind == "uuid":
            return True
        if kind in TEXTS and self.key.mean_length >= _TELLING_LENGTH:
            return self.key.distinct > _TELLING_VALUES
        if kind in TEXTS:
            return not parts and self._are_codes()
        identifies = len(parts) > 1 and is_identifying(parts) and parts[-1] not in {"no", "nr", "number"}
        return kind in WHOLE and (identifies or not parts) and self._accident(inclusion) <= _ACCIDENT

    def _are_codes(self) -> bool:
        """Whether both columns hold codes of the same form, and enough of them."""
        column, key = self.column, self.key
        alike = abs(column.mean_length - key.mean_length) <= 1 and column.longest <= key.longest
        return alike and column.distinct >= 5 and key.mean_length >= 2

    def _accident(self, inclusion: Inclusion) -> float:
        """The probability that integers are in a target by accident, from the gaps in the target."""
        sizes = self._sizes(inclusion)
        values = len(inclusion.sampled(self.table.table, self.column.name))
        if sizes is None or values < 5 or sizes[0] < _SPANNED * sizes[1]:
            return 1
        return float(min(1, self.key.distinct / sizes[1]) ** values)

    def numbers_itself(self, inclusion: Inclusion) -> bool:
        """Whether integers number their own table's rows without gaps, and are found in a longer sequence by accident."""
        sizes = self._sizes(inclusion)
        if sizes is None or self.table.kinds[self.column.name] not in WHOLE:
            return False
        return self.table.rows >= 0.9 * sizes[0] and sizes[0] < 0.9 * sizes[1]

    def _sizes(self, inclusion: Inclusion) -> tuple[int, int] | None:
        """The sizes of the ranges of both columns, if both have integers."""
        own = inclusion.range(self.table.table, self.column.name)
        target = inclusion.range(self.parent.table, self.key.name)
        return None if own is None or target is None else (own[1] - own[0] + 1, target[1] - target[0] + 1)
