"""Propose the references between tables: by names, by the values that are found, and by the tables' directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from discovery.keys import Columns
from discovery.texts import ColumnTexts, Coverage, TextStore
from discovery.words import SELF, TableNames, words

Keys = Mapping[str, tuple[str, ...] | None]
"""The columns of each table's key; None without one."""

_SAME = {"smallint": "text", "integer": "text", "bigint": "text", "varchar": "text"}
"""Codes of which one table has digits only: the declaration makes both sides text."""
_NO_REFERENCES = {"numeric", "real", "double", "boolean", "jsonb", "bytea", None}
_TELLING_LENGTH = 8
_TELLING_VALUES = 20
"""Texts of this length and number agree by rule: small integers agree by accident."""


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


def references(
    store: TextStore, tables: Mapping[str, Columns], keys: Keys, own_keys: Keys
) -> list[Reference]:
    """The references of all tables to ``keys`` of one column, at most one per column.

    A column that is its table's own key in ``own_keys`` refers to another table only if its table extends that one.
    """
    names = TableNames(tuple(tables))
    return [
        reference
        for table in tables.values()
        for column in table.columns
        if (reference := _reference(store, tables, keys, own_keys, names, table, column)) is not None
    ]


def _reference(
    store: TextStore,
    tables: Mapping[str, Columns],
    keys: Keys,
    own_keys: Keys,
    names: TableNames,
    table: Columns,
    column: ColumnTexts,
) -> Reference | None:
    if not column.present or table.kinds[column.name] in _NO_REFERENCES:
        return None
    options = [
        reference
        for parent, key in _parents(tables, keys)
        if (reference := _option(store, names, table, column, parent, key)) is not None
    ]
    own_key = own_keys.get(table.table) == (column.name,)
    fitting = [r for r in options if _fits(r, table, column, tables, own_key=own_key)]
    return max(fitting, key=lambda r: _rank(r, tables), default=None)


def _parents(tables: Mapping[str, Columns], keys: Keys) -> Iterator[tuple[Columns, ColumnTexts]]:
    for table in tables.values():
        key = keys.get(table.table)
        if key is not None and len(key) == 1:
            yield table, next(column for column in table.columns if column.name == key[0])


def _option(
    store: TextStore,
    names: TableNames,
    table: Columns,
    column: ColumnTexts,
    parent: Columns,
    key: ColumnTexts,
) -> Reference | None:
    """The reference to one parent, if names or values suggest it."""
    itself = parent is table
    if itself and column.name == key.name:
        return None
    kind, key_kind = table.kinds[column.name], parent.kinds[key.name]
    if _SAME.get(kind or "", kind) != _SAME.get(key_kind or "", key_kind):
        return None
    parts = words(column.name)
    strength = names.refers(parts, parent.table, words(key.name))
    if itself:
        strength = 3.5 if set(parts) & SELF else min(strength, 3.5)
    if strength < 2 and not _is_telling(key, key_kind):
        return None
    coverage = store.coverage(table.table, column.name, parent.table, key.name)
    if strength < 2:
        if coverage.found < 3 or coverage.share < 0.95:
            return None
        strength = 2.5
    return Reference(table.table, (column.name,), parent.table, (key.name,), strength, coverage)


def _is_telling(key: ColumnTexts, kind: str | None) -> bool:
    long = key.mean_length >= _TELLING_LENGTH and key.distinct > _TELLING_VALUES
    return kind == "uuid" or (kind in {"text", "varchar"} and long)


def _fits(
    reference: Reference, table: Columns, column: ColumnTexts, tables: Mapping[str, Columns], *, own_key: bool
) -> bool:
    """Whether names and values together are enough."""
    coverage = reference.coverage
    if own_key:
        return _extends(reference, table)
    if reference.name >= 4:
        # A parent whose file is damaged lacks rows, and the reference exists nevertheless.
        return coverage.share >= 0.2 or coverage.orphans <= 0.6 * coverage.rows
    if reference.name >= 3:
        return coverage.share >= 0.6
    parents = next(c.distinct for c in tables[reference.parent].columns if c.name == reference.key)
    if reference.name == 2:
        return coverage.share >= 0.98 and coverage.distinct >= max(2, 0.5 * parents)
    return coverage.share >= 0.98 and column.distinct >= 2


def _extends(reference: Reference, table: Columns) -> bool:
    """Whether a table's key refers to the table that it extends row by row: ``orders_extra`` of ``orders``."""
    longer = table.table.startswith(reference.parent) and table.table != reference.parent
    return longer and reference.name >= 4 and reference.coverage.share >= 0.9


def _rank(reference: Reference, tables: Mapping[str, Columns]) -> tuple[float, float, int]:
    """The nearest parent: the strongest name, then the best coverage, then the fewest rows."""
    return reference.name, reference.coverage.share, -tables[reference.parent].rows
