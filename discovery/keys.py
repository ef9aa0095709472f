"""Propose the key of each table: the columns that identify a row by rule and not by accident.

A column set may be unique by accident, above all in small tables and with timestamps. So a proposal needs evidence beyond
uniqueness: its names, its place, and that chance would have made duplicates (``_expected_duplicates``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from discovery.texts import ColumnTexts, TextStore
from discovery.words import COUNTING, IDENTIFYING, SURROGATE, TableNames, is_identifying, words

_ENOUGH = 1.15
"""The least score of a key of one column."""
_ENOUGH_TOGETHER = 2.3
_WIDEST = 80
"""Longer texts are not proposed as keys."""
_CANDIDATES = 10
_MOST_COLUMNS = 4
_CHANCE = 8
"""Chance would have made at least as many duplicates, and there are none: the columns are unique by rule."""
_NATURAL = frozenset(
    ["name", "title", "code", "slug", "symbol", "isbn", "sku", "ean", "date", "year", "day", "month"]
)


@dataclass(frozen=True)
class Columns:
    """The columns of one table with their kinds: names of PostgreSQL types, or None for a column without values."""

    table: str
    columns: tuple[ColumnTexts, ...]
    kinds: Mapping[str, str | None]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.columns[0].rows


@dataclass(frozen=True)
class KeyProposal:
    """The columns of a key, in the table's order, and how sure it is: above ``_ENOUGH`` it is proposed."""

    columns: tuple[str, ...]
    score: float


_TEXTS = {"text", "varchar"}
_WHOLE = {"smallint", "integer", "bigint"}
_DATES = {"date", "timestamp", "timestamptz"}
_KEY_KINDS = {*_TEXTS, *_WHOLE, *_DATES, "uuid", "numeric"}


def single_key(table: Columns, names: TableNames) -> KeyProposal | None:
    """The best key of one column."""
    scored = [
        (_score(column, table, names), -column.position, column.name)
        for column in table.columns
        if column.is_unique
        and table.kinds[column.name] in _KEY_KINDS - {"numeric"}
        and column.longest <= _WIDEST
    ]
    score, _, name = max(scored, default=(0.0, 0, ""))
    return KeyProposal((name,), score) if score >= _ENOUGH else None


def _score(column: ColumnTexts, table: Columns, names: TableNames) -> float:
    kind = table.kinds[column.name]
    score = _name_score(words(column.name), table.table, names)
    score += 1.2 if column.position == 0 else 0
    score -= min(column.position, 10) * 0.05
    score -= 1.5 if kind in _TEXTS and column.mean_length > 30 else 0
    score -= 1 if kind in _DATES else 0
    score += 0.5 if kind == "uuid" else 0
    return score - (1 if table.rows < 2 else 0)


def _name_score(column: tuple[str, ...], table: str, names: TableNames) -> float:
    if not column:
        return 0
    if len(column) == 1 and column[0] in SURROGATE - {"key"}:
        return 5
    if names.identifies(column, table):
        return 5
    if column[-1] in SURROGATE:
        return 3
    if column[-1] in IDENTIFYING:
        return 2.5 if len(column) > 1 else 1
    if is_identifying(column):
        return 2.5
    if len(column) == 1 and column[0] in _NATURAL:
        return 1
    return 1.5 if column[-1:] == names.subject(table)[-1:] else 0


def composite_key(store: TextStore, table: Columns, parents: Collection[str]) -> KeyProposal | None:
    """The best key of several columns. ``parents``: the columns that refer to other tables."""
    proposals = sorted(_unique_sets(store, table, parents), key=lambda proposal: -proposal.score)
    return next((p for p in proposals if _is_certain(p, table, parents)), None)


def link_key(store: TextStore, table: Columns, parents: Collection[str]) -> KeyProposal | None:
    """The two references that a table of links begins with, also where the sample has each value of one only once."""
    first = [column.name for column in table.columns[:2]]
    links = len(parents) >= 2 and len(table.columns) <= len(parents) + 2 and set(first) <= set(parents)
    if not links or not store.is_unique(table.table, first):
        return None
    return KeyProposal(tuple(first), 3.0)


def _unique_sets(store: TextStore, table: Columns, parents: Collection[str]) -> list[KeyProposal]:
    """Minimal unique sets of the likeliest columns."""
    likely = sorted(
        (column for column in table.columns if _may_take_part(column, table)),
        key=lambda column: column.position * 0.02 - _role(column, table, parents),
    )[:_CANDIDATES]
    found: list[KeyProposal] = []
    for size in range(2, _MOST_COLUMNS + 1):
        for chosen in itertools.combinations(likely, size):
            columns = sorted(chosen, key=lambda column: column.position)
            names = [column.name for column in columns]
            if any(set(smaller.columns) <= set(names) for smaller in found):
                continue
            if math.prod(column.distinct for column in columns) < 0.95 * table.rows:
                continue
            if store.is_unique(table.table, names):
                found.append(KeyProposal(tuple(names), _score_together(columns, table, parents)))
        if found and size >= 3:
            break
    return found


def _may_take_part(column: ColumnTexts, table: Columns) -> bool:
    kind = table.kinds[column.name]
    long = kind in _TEXTS and column.mean_length > 40
    return (
        column.is_complete
        and column.distinct > 1
        and not column.is_unique
        and kind in _KEY_KINDS
        and not long
    )


def _role(column: ColumnTexts, table: Columns, parents: Collection[str]) -> float:
    """How likely a column is a part of a key, by its name: 0 to 3."""
    parts = words(column.name)
    if column.name in parents:
        return 3
    if not parts:
        return 0.3
    if parts[-1] in SURROGATE or "".join(parts).endswith("id"):
        return 2.5
    if parts[-1] in COUNTING or parts[0] in COUNTING:
        return 2.2
    if parts[-1] in IDENTIFYING:
        # A code alone classifies the row; it does not identify it.
        return 2 if len(parts) > 1 else 0.5
    if table.kinds[column.name] in _DATES:
        return 1.6
    return 1.3 if column.position < 2 else 0.3


def _score_together(columns: Sequence[ColumnTexts], table: Columns, parents: Collection[str]) -> float:
    roles = [_role(column, table, parents) for column in columns]
    places = sum(column.position for column in columns)
    return min(roles) + sum(roles) / len(roles) / 2 - 0.02 * places - 0.5 * (len(roles) - 2)


def _is_certain(proposal: KeyProposal, table: Columns, parents: Collection[str]) -> bool:
    if proposal.score < _ENOUGH_TOGETHER:
        return False
    chosen = [column for column in table.columns if column.name in proposal.columns]
    if _expected_duplicates(chosen, table.rows) >= _CHANCE:
        return True
    if set(proposal.columns) <= set(parents):
        return table.rows >= 1000
    leads = chosen[0].position == 0
    return leads and all(is_identifying(words(column.name)) for column in chosen)


def _expected_duplicates(columns: Sequence[ColumnTexts], rows: int) -> float:
    """How many pairs of rows would be equal in the columns if their values were independent."""
    return rows * rows / 2 / math.prod(column.distinct for column in columns)
