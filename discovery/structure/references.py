"""Propose references of one column: by names, by the values that are found, and by the tables' directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from discovery.structure.inclusion import Inclusion
from discovery.structure.keys import Columns
from discovery.structure.pairs import Pair
from discovery.structure.table_names import TableNames
from discovery.structure.texts import ColumnTexts, Coverage
from discovery.structure.vocabulary import NATURAL

Keys = Mapping[str, tuple[str, ...] | None]
"""The columns of each table's key; None without one."""
Targets = Mapping[str, Sequence[str]]
"""The columns of each table that references may have as their target; the key is the first."""

NO_REFERENCES = {"numeric", "real", "double", "boolean", "jsonb", "bytea", None}
"""The kinds of columns that neither are keys nor refer to one."""
_BY_VALUES = 2.5
"""The strength of a reference that values alone suggest."""
_COVERED = 1.5
"""The addition of complete coverage to the strength of a name."""
_EXTENDS = 4
"""The least strength of a name by which a table's key refers to the table that it extends."""
_NAMED = 3.5
"""A name of this strength states its table, so that values suggest no other."""
_ALIKE = 0.98
"""The least share of areas that are found: each table of statistics has its own."""


@dataclass(frozen=True)
class Reference:
    """A proposed reference: the headers of ``columns``, and those of ``parent_columns``, which are unique in the parent.

    ``name``: how strongly the names point to the parent (``TableNames.refers``).
    """

    child: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    name: float
    coverage: Coverage

    @property
    def column(self) -> str:
        """The first column, which is the only one of most references."""
        return self.columns[0]

    @property
    def key(self) -> str:
        """The first column of the parent."""
        return self.parent_columns[0]

    @property
    def enforced(self) -> bool:
        """Whether PostgreSQL can enforce it: no row lacks its parent."""
        return not self.coverage.orphans


@dataclass(frozen=True)
class References:
    """The search in all tables."""

    tables: Mapping[str, Columns]
    names: TableNames
    inclusion: Inclusion

    def propose(self, targets: Targets, own_keys: Keys) -> list[Reference]:
        """The references of all tables, at most one per column.

        A column that is its table's own key in ``own_keys`` refers to another table only if its table extends that one.
        """
        return [
            reference
            for table in self.tables.values()
            for column in table.columns
            if column.present and table.kinds[column.name] not in NO_REFERENCES
            if (reference := self._best(targets, own_keys, table, column)) is not None
        ]

    def _best(
        self, targets: Targets, own_keys: Keys, table: Columns, column: ColumnTexts
    ) -> Reference | None:
        own_key = own_keys.get(table.table) == (column.name,)
        best: tuple[tuple[bool, float, bool, int], Reference] | None = None
        for first, strength, pair in self._candidates(targets, table, column):
            if best is not None and (first, strength + _COVERED) < best[0][:2]:
                break
            if own_key and not (strength >= _EXTENDS and self._may_extend(pair)):
                continue
            option = self._reference(pair, strength)
            if self._extends(option, pair) if own_key else self._fits(option, pair, first=first):
                found = ((first, *self._rank(option)), option)
                best = found if best is None else max(best, found, key=lambda one: one[0])
        return best[1] if best else None

    def _candidates(
        self, targets: Targets, table: Columns, column: ColumnTexts
    ) -> list[tuple[bool, float, Pair]]:
        """The pairs that names or values suggest: keys before other targets, then the strongest names first."""
        possible = (pair for pair in self._pairs(targets, table, column) if pair.is_possible)
        pairs = [pair for pair in possible if pair.share(self.inclusion)]
        strengths = [pair.strength(self.names) for pair in pairs]
        by_values = max(strengths, default=0) < _NAMED
        found = []
        for pair, name in zip(pairs, strengths, strict=True):
            strength = self._strength(pair, name, by_values=by_values)
            first = targets[pair.parent.table][0] == pair.key.name
            if strength >= (2 if first else 4):
                found.append((first, strength, pair))
        return sorted(found, key=lambda one: one[:2], reverse=True)

    def _pairs(self, targets: Targets, table: Columns, column: ColumnTexts) -> Iterator[Pair]:
        for name, keys in targets.items():
            parent = self.tables[name]
            yield from (Pair(table, column, parent, parent.column(key)) for key in keys)

    def _strength(self, pair: Pair, name: float, *, by_values: bool) -> float:
        """The strength of a pair's name, or of its values without one; 0 if neither suggests a reference."""
        share = pair.share(self.inclusion)
        if name >= 4 or (name >= 3 and share >= 0.5) or (name >= 2 and share >= 0.85):
            return name
        values = by_values and name < 2 and share >= 0.9 and pair.is_telling(self.names, self.inclusion)
        return _BY_VALUES if values else 0

    def _reference(self, pair: Pair, strength: float) -> Reference:
        columns, key = (pair.column.name,), (pair.key.name,)
        coverage = pair.coverage(self.inclusion)
        return Reference(pair.table.table, columns, pair.parent.table, key, strength, coverage)

    def _fits(self, reference: Reference, pair: Pair, *, first: bool) -> bool:
        """Whether names and values together are enough."""
        coverage, strength = reference.coverage, reference.name
        if not coverage.found or (not first and coverage.share < 0.9):
            return False
        if pair.is_by_area(self.names) and coverage.share < _ALIKE:
            return False
        if strength >= 4 and not pair.is_by_plain_name(self.names):
            # A parent whose file is damaged lacks rows, and the reference exists nevertheless.
            return coverage.share >= 0.2 or coverage.orphans <= 0.6 * coverage.rows
        if strength >= 3:
            return coverage.share >= (0.6 if strength >= _NAMED else 0.85)
        if strength == 2:
            return coverage.share >= 0.98 and coverage.distinct >= max(2, 0.5 * pair.key.distinct)
        if strength > _BY_VALUES:
            return coverage.share >= 0.9 and pair.column.distinct >= 2
        return coverage.share >= 0.95 and coverage.found >= 3

    def _may_extend(self, pair: Pair) -> bool:
        """Whether a table's key may refer to a table that it extends row by row: ``orders_extra`` of ``orders``."""
        table, parent = pair.table, pair.parent
        parts = self.names.column(table.table, pair.column.name)
        own = self.names.identifies(parts, table.table) or (len(parts) == 1 and parts[0] in NATURAL)
        return not pair.to_itself and (not own or self.names.extends(table.table, parent.table))

    def _extends(self, reference: Reference, pair: Pair) -> bool:
        """Whether the values of a key that may refer to a table are those of a table that extends it."""
        table, parent, share = pair.table, pair.parent, reference.coverage.share
        if self.names.extends(table.table, parent.table):
            return share >= 0.9
        if share < 0.98 or pair.numbers_itself(self.inclusion):
            return False
        parts = self.names.column(table.table, pair.column.name)
        return self.names.identifies(parts, parent.table) or parent.rows > table.rows

    def _rank(self, reference: Reference) -> tuple[float, bool, int]:
        """The nearest parent: the strongest name with the best coverage, a related name, then the fewest rows."""
        parent = self.tables[reference.parent]
        related = self.names.related(reference.child, reference.parent)
        return reference.name + _COVERED * reference.coverage.share, related, -parent.rows
