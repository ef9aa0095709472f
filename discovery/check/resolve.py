"""Decide between the rows of tables as the resolve step of a migration into empty tables does.

The order of the rules is the migration's (``functions.migrate.resolve``): identical rows count as one; a row without its
parent is an orphan; of different rows with one key or unique value the first in file order is accepted; then rows whose
parent was a conflict are orphans. Tables that reference each other in a circle are decided together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain

from dataforge.records.rejections import missing_parent, same_key_values, same_unique_value
from dataforge.records.violation import Violation
from dataforge.runs.results.report import MissingParent, Orphans
from dataforge.tables.catalogue import ForeignKey, Table
from discovery.check.row_store import RowStore
from discovery.check.rows import EXAMPLES
from functions.migrate.reconcile.orphans import shortened

_AT_ONCE = 100_000


@dataclass
class Decided:
    """How many rows of a table were accepted, deduplicated, and rejected by code.

    ``causes``: the rejected rows by code and column. ``examples``: positions of rejected rows with the reason.
    ``unenforced``: the accepted rows without a parent, by the name of the reference.
    """

    accepted: int = 0
    deduplicated: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    causes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    unenforced: dict[str, Orphans] = field(default_factory=dict)
    examples: list[tuple[int, Violation]] = field(default_factory=list)


def decide(store: RowStore) -> dict[str, Decided]:
    """Apply the rules to the rows that readers have written into the store's folder."""
    found = {table.name: Decided() for table in store.tables}
    for table in store.tables:
        store.load(table)
    for circle in _circles(store):
        _Circle(store, circle, found).decide()
    for table in store.tables:
        found[table.name].accepted = store.count(table)
        for reference in table.references:
            if not reference.enforced:
                found[table.name].unenforced[reference.name] = _orphans(store, table, reference)
    return found


def _circles(store: RowStore) -> Iterator[list[Table]]:
    """The tables, parents first; those that reference each other in a circle together."""
    dataset = store.dataset
    done: set[str] = set()
    for name in chain.from_iterable(dataset.waves(table.name for table in store.tables)):
        if name not in done:
            done.update(dataset.circle(name))
            yield [dataset.table(other) for other in dataset.circle(name)]


class _Circle:
    """Tables that are decided together. ``unique``: those whose rows are known to have different keys."""

    def __init__(self, store: RowStore, tables: Sequence[Table], found: dict[str, Decided]) -> None:
        self._store, self._tables, self._found = store, tables, found
        self._circular = any(key.deferrable for table in tables for key in table.foreign_keys)
        self._unique: set[str] = set()

    def decide(self) -> None:
        for table in self._tables:
            if not table.is_multiset:
                self._found[table.name].deduplicated = self._remove_copies(table)
        self._remove_orphans()
        conflicts = [self._remove_conflicts(table) for table in self._tables]
        if any(conflicts):
            self._remove_orphans()

    def _remove_copies(self, table: Table) -> int:
        """Delete all rows but the first of identical ones. Returns their number. Copies have the same key."""
        if table.key and not self._store.select_sharing(table, [self._store.columns(table, table.key)]):
            self._unique.add(table.name)
            return 0
        self._store.load_texts(table, "SELECT id FROM sharing" if table.key else None)
        return self._store.delete(table, _later("texts", ["row"]))

    def _remove_orphans(self) -> None:
        """In a circle of tables, the children of rejected rows are orphans in turn."""
        more = True
        while more:
            with ExitStack() as stack:
                marked = [
                    (table, stack.enter_context(self._store.marks(f"marks_{number}")))
                    for number, table in enumerate(self._tables)
                    if table.foreign_keys
                ]
                for table, marks in marked:
                    self._mark_orphans(table, marks)
                removed = [self._remove_marked_orphans(table, marks) for table, marks in marked]
            more = any(removed) and self._circular

    def _mark_orphans(self, table: Table, marks: str) -> None:
        for rule, key in enumerate(table.foreign_keys):
            orphans = f"SELECT id, {rule} FROM {self._store.relation(table)} s"
            self._store.run(f"INSERT INTO {marks} {orphans} WHERE {_is_orphan(self._store, table, key)}")

    def _remove_marked_orphans(self, table: Table, marks: str) -> int:
        """Delete a table's orphans. Returns their number."""
        if not self._store.number(f"SELECT count(*) FROM {marks}"):
            return 0
        for rule, key in enumerate(table.foreign_keys):
            columns = self._store.columns(table, key.columns)
            for position, values in self._marked(table, marks, rule, columns):
                self._found[table.name].examples.append((position, missing_parent(key, values)))
        return self._delete_marked(table, marks, "foreign_key", [key.column for key in table.foreign_keys])

    def _remove_conflicts(self, table: Table) -> int:
        """Delete the rows whose key or unique value belongs to an earlier row. Returns their number."""
        constraints = [self._store.columns(table, columns) for columns, _ in _constraints(table)]
        unknown = constraints[1:] if table.name in self._unique else constraints
        if not unknown or not self._store.select_sharing(table, unknown):
            return 0
        with self._store.marks() as marks:
            if table.uniques:
                self._mark_unaccepted(constraints)
            else:
                self._store.run(f"INSERT INTO marks SELECT id, 0 FROM ({_later('sharing', constraints[0])})")
            for rule, (_, violation) in enumerate(_constraints(table)):
                for position, _ in self._marked(table, marks, rule, []):
                    self._found[table.name].examples.append((position, violation))
            return self._delete_marked(table, marks, "conflict", [None for _ in _constraints(table)])

    def _mark_unaccepted(self, constraints: Sequence[Sequence[str]]) -> None:
        """Accept the rows in file order, each unless its key or a unique value belongs to an accepted one; mark others.

        Only rows that may share a key or a unique value with another are read.
        """
        wanted = sorted({name for columns in constraints for name in columns})
        places = [[wanted.index(name) for name in columns] for columns in constraints]
        taken: list[set[tuple[str, ...]]] = [set() for _ in places]
        ids: list[int] = []
        rules: list[int] = []
        for row, *values in self._store.rows(
            f"SELECT id, {', '.join(wanted)} FROM sharing ORDER BY source, id"
        ):
            keys = [tuple(values[place] for place in columns) for columns in places]
            rule = next((r for r, key in enumerate(keys) if None not in key and key in taken[r]), None)
            if rule is None:
                for known, key in zip(taken, keys, strict=True):
                    known.add(key)
                continue
            ids.append(row)
            rules.append(rule)
            if len(ids) == _AT_ONCE:
                self._store.mark(ids, rules)
                ids, rules = [], []
        self._store.mark(ids, rules)

    def _marked(
        self, table: Table, marks: str, rule: int, columns: Sequence[str]
    ) -> list[tuple[int, list[str]]]:
        """The positions of the first rows that break a rule and none before it, with their values of these columns."""
        names = ", ".join(["source", *(f"{name}::VARCHAR" for name in columns)])
        rows = self._store.run(
            f"SELECT {names} FROM {self._store.relation(table)} s"
            f" WHERE id IN (SELECT id FROM {marks} GROUP BY id HAVING min(rule) = {rule}) ORDER BY source LIMIT {EXAMPLES}"
        )
        return [(position, values) for position, *values in rows]

    def _delete_marked(self, table: Table, marks: str, code: str, columns: Sequence[str | None]) -> int:
        """Delete the marked rows. ``columns``: those that the rules concern. Returns the number of rows.

        As in a migration's report, a row that breaks several rules counts for each of their columns.
        """
        for column in dict.fromkeys(columns):
            rules = ", ".join(str(rule) for rule, other in enumerate(columns) if other == column)
            rows = self._store.number(f"SELECT count(DISTINCT id) FROM {marks} WHERE rule IN ({rules})")
            if rows:
                self._found[table.name].causes[code, column] += rows
        deleted = self._store.delete(table, f"SELECT id FROM {marks}")
        self._found[table.name].rejected[code] += deleted
        return deleted


def _orphans(store: RowStore, table: Table, key: ForeignKey) -> Orphans:
    """The accepted rows whose parent does not exist, with the most frequent missing values."""
    columns = store.columns(table, key.columns)
    texts = ", ".join(f"{name}::VARCHAR" for name in columns)
    found = store.run(
        f"SELECT {texts}, count(*) AS n, sum(count(*)) OVER (), count(*) OVER ()"
        f" FROM {store.relation(table)} s WHERE {_is_orphan(store, table, key)}"
        f" GROUP BY {', '.join(columns)} ORDER BY n DESC, {texts} LIMIT {EXAMPLES}"
    )
    return Orphans(
        columns=key.columns,
        parent=key.parent,
        parent_columns=key.parent_columns,
        rows=int(found[0][-2]) if found else 0,
        missing=found[0][-1] if found else 0,
        examples=tuple(MissingParent(values=shortened(row[:-3]), rows=row[-3]) for row in found),
    )


def _constraints(table: Table) -> Iterator[tuple[tuple[str, ...], Violation]]:
    """The columns of the key and of each unique constraint, and the violation of a later row."""
    if table.key:
        yield table.key, same_key_values(table.key, "file")
    for unique in table.uniques:
        yield unique.columns, same_unique_value(unique, "file")


def _later(relation: str, columns: Sequence[str]) -> str:
    """The query of the ids of all rows but the first of those with the same values."""
    names = ", ".join(columns)
    same = " AND ".join(f"s.{name} = k.{name}" for name in columns)
    return (
        f"SELECT s.id FROM {relation} s JOIN (SELECT {names}, arg_min(id, (source, id)) AS first"
        f" FROM {relation} GROUP BY {names} HAVING count(*) > 1) k ON {same} WHERE s.id <> k.first"
    )


def _is_orphan(store: RowStore, table: Table, key: ForeignKey) -> str:
    """The condition that the row ``s`` references a parent that is not there."""
    parent = store.dataset.table(key.parent)
    own, others = store.columns(table, key.columns), store.columns(parent, key.parent_columns)
    present = " AND ".join(f"s.{name} IS NOT NULL" for name in own)
    same = " AND ".join(f"p.{other} = s.{name}" for name, other in zip(own, others, strict=True))
    return f"{present} AND NOT EXISTS (SELECT 1 FROM {store.relation(parent)} p WHERE {same})"
