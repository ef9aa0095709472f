"""Random small schemas with references and unique constraints, and what a migration must accept, computed in Python."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

from hypothesis import strategies as st

from dataforge import Integer, Key, References, Row
from dataforge.tables.catalogue import Dataset, ForeignKey, Table
from dataforge.tables.modules import read_dataset

TABLES = ("t0", "t1", "t2")
COLUMNS = ("k", "a", "b", "c")
Values = tuple[int | None, ...]
Rows = dict[str, list[Values]]


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Up to three tables with keys of one or two columns, unique constraints, and references anywhere."""
    names = TABLES[: draw(st.integers(1, 3))]
    keys = {name: draw(st.sampled_from([("k",), ("k", "a")])) for name in names}
    uniques = {
        name: draw(st.lists(st.sampled_from([("b",), ("a", "b"), ("c",)]), unique=True, max_size=2))
        for name in names
    }
    targets = [(name, columns) for name in names for columns in (keys[name], *uniques[name])]
    module = ModuleType("shapes")
    for name in names:
        declared = {}
        for parent, to in draw(st.lists(st.sampled_from(targets), max_size=2)):
            columns = tuple(draw(st.permutations(COLUMNS[1:]))[: len(to)])
            enforced = draw(st.integers(0, 3)) > 0
            declared[columns] = References(parent, columns=columns, to=to, enforced=enforced)
        setattr(module, name, _model(name, keys[name], uniques[name], tuple(declared.values())))
    return read_dataset(module)


def _model(name: str, key: tuple[str, ...], uniques: Any, references: tuple[References, ...]) -> type[Row]:
    fields: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
    for column in COLUMNS:
        fields["__annotations__"][column] = Annotated[Integer, Key()] if column in key else Integer | None
        if column not in key:
            fields[column] = None
    return type(
        name.title(), (Row,), fields, table=name, file=f"{name}.csv", unique=uniques, references=references
    )


@st.composite
def rows(draw: st.DrawFn, dataset: Dataset) -> Rows:
    """Rows of each table, of few different values, so that many of them break a rule."""
    value = st.integers(0, 3)
    nullable = st.one_of(st.none(), value)
    found = {}
    for table in dataset.tables.values():
        row = st.tuples(*(value if c in table.key else nullable for c in COLUMNS))
        found[table.name] = draw(st.lists(row, max_size=6))
    return found


@dataclass
class Model:
    """A run: the rows left of each table, and those that are stored before it."""

    dataset: Dataset
    left: Rows
    stored: Rows
    update: bool

    def run(self) -> None:
        """Reject orphans, then conflicts, then the orphans of conflicts, circle by circle in the order of references."""
        self.left = {name: list(dict.fromkeys(rows)) for name, rows in self.left.items()}
        done: set[str] = set()
        for name in itertools.chain.from_iterable(self.dataset.waves()):
            circle = [self.dataset.table(n) for n in self.dataset.circle(name) if n not in done]
            done.update(table.name for table in circle)
            self._remove_orphans(circle)
            for table in circle:
                self._remove_conflicts(table)
            self._remove_orphans(circle)

    def _remove_orphans(self, circle: list[Table]) -> None:
        more = True
        while more:
            orphans = {
                table.name: [
                    row
                    for row in self.left[table.name]
                    if any(self.is_orphan(key, row) for key in table.foreign_keys)
                ]
                for table in circle
            }
            for name, found in orphans.items():
                self.left[name] = [row for row in self.left[name] if row not in found]
            more = any(orphans.values())

    def is_orphan(self, key: ForeignKey, row: Values) -> bool:
        wanted = values(row, key.columns)
        return None not in wanted and wanted not in set(self._parents(key))

    def _parents(self, key: ForeignKey) -> Iterator[Values]:
        """The values that the parents will have."""
        parent = self.dataset.table(key.parent)
        new = {values(row, parent.key): row for row in self.left[parent.name]}
        for row in self.stored[parent.name]:
            changed = new.get(values(row, parent.key)) if self.update else None
            if changed is None or values(changed, key.parent_columns) == values(row, key.parent_columns):
                yield values(row, key.parent_columns)
        yield from (values(row, key.parent_columns) for row in self.left[parent.name])

    def _remove_conflicts(self, table: Table) -> None:
        stored = self.stored[table.name]
        accepted: list[Values] = []
        constraints = [table.key, *(unique.columns for unique in table.uniques)]
        for row in self.left[table.name]:
            taken = any(
                same(row, other, columns)
                and (values(row, table.key) != values(other, table.key) or (row != other and not self.update))
                for columns in constraints
                for other in stored
            )
            later = any(same(row, other, columns) for columns in constraints for other in accepted)
            if not taken and not later:
                accepted.append(row)
        self.left[table.name] = accepted

    def result(self) -> Rows:
        """The rows that are stored after the run."""
        found = {}
        for name, table in self.dataset.tables.items():
            by_key = {values(row, table.key): row for row in (*self.stored[name], *self.left[name])}
            found[name] = list(by_key.values())
        return found

    def orphans_stored(self) -> bool:
        """Whether an update takes the parents of stored rows away, so that the whole run is refused.

        Only the constraints of a circle are checked after all updates; the others when the parent changes.
        """
        result = self.result()
        after = Model(self.dataset, result, {name: [] for name in result}, update=False)
        return any(
            after.is_orphan(key, row)
            for name, table in self.dataset.tables.items()
            for key in table.foreign_keys
            for row in (*result[name], *(() if key.deferrable else self.stored[name]))
        )


def values(row: Values, columns: tuple[str, ...]) -> Values:
    """The values of some columns."""
    return tuple(row[COLUMNS.index(column)] for column in columns)


def same(row: Values, other: Values, columns: tuple[str, ...]) -> bool:
    """Whether two rows have the same values of a constraint; NULL differs from NULL."""
    return None not in values(row, columns) and values(row, columns) == values(other, columns)
