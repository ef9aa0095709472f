"""Propose keys of one column.

A column may be unique by accident, above all in small tables, and measures and moments often are. So a proposal needs
evidence beyond uniqueness: its name, its place, and that chance would have made duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from discovery.structure.table_names import TableNames
from discovery.structure.texts import ColumnTexts
from discovery.structure.vocabulary import (
    AREAS,
    DESCRIBING,
    IDENTIFYING,
    MEASURING,
    NATURAL,
    PLACED,
    RECORDED,
    SURROGATE,
)
from discovery.structure.words import is_identifying, is_nameless, words

ENOUGH = 1.15
"""The least score of a key of one column."""
CHANCE = 8
"""Chance would have made at least as many duplicates, and there are none: the columns are unique by rule."""
_WIDEST = 80
"""Longer texts are not proposed as keys."""
_DAMAGED = 0.005
"""The share of rows without a distinct value in a key that is proposed nevertheless."""
_SERIES = 50
"""The least rows of a series of moments with figures."""
_LABELS = 10
"""The least rows of statistics of areas, and of figures with labels."""
_CLEAR_NAME = 3.0
"""The least score of a name for a key with duplicates."""


@dataclass(frozen=True)
class Columns:
    """The columns of one table with their kinds: names of PostgreSQL types, or None for a column without values."""

    table: str
    columns: tuple[ColumnTexts, ...]
    kinds: Mapping[str, str | None]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.columns[0].rows if self.columns else 0

    def column(self, name: str) -> ColumnTexts:
        """The column of a header."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class KeyProposal:
    """The columns of a key, in the table's order, and how sure it is: above ``ENOUGH`` it is proposed.

    ``damaged``: rows that repeat another's value or have none.
    """

    columns: tuple[str, ...]
    score: float
    damaged: int = 0


TEXTS = {"text", "varchar"}
WHOLE = {"smallint", "integer", "bigint"}
NUMBERS = {*WHOLE, "numeric", "real", "double"}
DATES = {"date", "timestamp", "timestamptz"}
KEY_KINDS = {*TEXTS, *WHOLE, *DATES, "uuid"}

Range = Callable[[str, str], tuple[int, int] | None]


def single_keys(table: Columns, names: TableNames, value_range: Range) -> list[KeyProposal]:
    """The unique columns with their scores, the best first; below ``ENOUGH`` they are unique and no key."""
    found = [
        proposal
        for column in table.columns
        if table.kinds[column.name] in KEY_KINDS and 0 < column.longest <= _WIDEST
        if (proposal := _proposal(column, table, names, value_range)) is not None
    ]
    return sorted(found, key=lambda proposal: -proposal.score)


def _proposal(
    column: ColumnTexts, table: Columns, names: TableNames, value_range: Range
) -> KeyProposal | None:
    damaged = table.rows - column.distinct
    if not column.is_unique and (table.rows < 100 or damaged > max(1, _DAMAGED * table.rows)):
        return None
    name = _name_score(column, table, names)
    if damaged and name < _CLEAR_NAME:
        return None
    score = name + _place_score(column, table, name, value_range) - (0.3 if damaged else 0)
    kind = table.kinds[column.name]
    prose = kind in TEXTS and column.mean_length > 30 and column.longest > column.mean_length
    score -= 1.5 if prose and name < _CLEAR_NAME else 0
    score -= 1 if kind in DATES else 0
    score += 0.5 if kind == "uuid" else 0
    return KeyProposal((column.name,), score - (1 if table.rows < 2 else 0), damaged)


def _place_score(column: ColumnTexts, table: Columns, name: float, value_range: Range) -> float:
    """The first column is likely the key. An integer whose name does not identify needs further evidence."""
    if column.position and not _labels_figures(column, table):
        return -0.05 * min(column.position, 10)
    number = table.kinds[column.name] in WHOLE
    if name < 0 or (name == 0 and number and not _numbers_rows(column, table, value_range)):
        return 0
    return 1.2


def _numbers_rows(column: ColumnTexts, table: Columns, value_range: Range) -> bool:
    """Whether chance would have made duplicates in the range of the values, or all are codes of one length."""
    found = value_range(table.table, column.name)
    if found is None:
        return False
    low, high = found
    codes = len(str(abs(low))) == len(str(abs(high))) >= 4 and low >= 0
    chance = 1 if is_nameless(column.name) else CHANCE
    return codes or table.rows * table.rows / 2 / (high - low + 1) >= chance


def _name_score(column: ColumnTexts, table: Columns, names: TableNames) -> float:
    parts = names.column(table.table, column.name)
    if not parts:
        return 0
    if len(parts) == 1 and parts[0] in SURROGATE - {"key"}:
        return 5
    if names.identifies(parts, table.table):
        return 5
    if parts[-1] in SURROGATE:
        return 3
    if names.is_subject(parts, table.table):
        return 2
    if _is_area(column, table, parts):
        return 3.5 if parts[-1] in IDENTIFYING else 2
    return 2 if _labels_figures(column, table) else _plain_name_score(column, parts)


def _plain_name_score(column: ColumnTexts, parts: tuple[str, ...]) -> float:
    """The score of a name by its words alone."""
    words_of_values = set(parts) & DESCRIBING or parts[-1] in MEASURING | RECORDED
    if words_of_values or (set(parts) & PLACED and column.position):
        return -1
    if parts[-1] in IDENTIFYING:
        return 2.5 if len(parts) > 1 else 1
    if is_identifying(parts):
        return 2.5
    return 1 if len(parts) == 1 and parts[0] in NATURAL else 0


def _labels_figures(column: ColumnTexts, table: Columns) -> bool:
    """Whether a column has a moment or a text for each row in the first place, and all others are figures.

    Columns before it that have one value describe all rows.
    """
    before, others = table.columns[: column.position], table.columns[column.position + 1 :]
    first = all(other.is_complete and other.distinct == 1 for other in before)
    kind = table.kinds[column.name]
    plain = all(table.kinds[o.name] in {*NUMBERS, None} and not is_identifying(words(o.name)) for o in others)
    fewest = _SERIES if kind in DATES else _LABELS
    return first and kind in DATES | TEXTS and bool(others) and plain and table.rows >= fewest


def _is_area(column: ColumnTexts, table: Columns, parts: tuple[str, ...]) -> bool:
    """Whether a table has one row for each area, whose name or code is in the first two places."""
    kind = table.kinds[column.name]
    name = parts[0] in AREAS and set(parts[1:]) <= IDENTIFYING | {"name"} and kind in TEXTS
    before = table.columns[: column.position]
    leads = column.position < 2 and all(words(other.name)[:1] == parts[:1] for other in before)
    return name and leads and table.rows >= _LABELS
