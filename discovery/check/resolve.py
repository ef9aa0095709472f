"""Decide between the rows of a table as the resolve step of a migration into empty tables does, in a DuckDB database.

The order of the rules is the migration's (``functions.migrate.resolve``): identical rows count as one; a row without its
parent is an orphan; of different rows with one key or unique value the first in file order is accepted; then rows whose
parent was a conflict are orphans.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from dataforge.tables.catalogue import Dataset, ForeignKey, Table
from discovery.check.read import deciding_columns

_MEMORY = "512MB"
_EXACT_TEXTS = frozenset(
    ["text", "varchar", "smallint", "integer", "bigint", "uuid", "date", "time", "timestamp"]
)
"""Types whose equal values have one canonical text."""


@dataclass
class Decided:
    """How many rows of a table were accepted, deduplicated and rejected.

    ``conflicts`` and ``orphans``: rejected rows by constraint; ``unenforced``: accepted rows without a parent.
    """

    accepted: int = 0
    deduplicated: int = 0
    conflicts: Counter[str] = field(default_factory=Counter)
    orphans: Counter[str] = field(default_factory=Counter)
    unenforced: Counter[str] = field(default_factory=Counter)


class RowStore:
    """The deciding columns of all tables' rows. A context manager: the database is deleted at its end."""

    def __init__(self, dataset: Dataset, tables: Sequence[str]) -> None:
        self._dataset = dataset
        self._tables = [dataset.table(name) for name in tables]
        self._temporary = tempfile.TemporaryDirectory(prefix="dataforge-")
        self.folder = Path(self._temporary.name)
        self._db = duckdb.connect(str(self.folder / "rows.duckdb"))
        self._run(f"SET memory_limit = '{_MEMORY}'")

    def __enter__(self) -> RowStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._temporary.cleanup()

    def decide(self) -> dict[str, Decided]:
        """Apply the rules to the rows in ``folder``, which the readers have written."""
        found = {table.name: Decided() for table in self._tables}
        for table in self._tables:
            self._load(table)
        for circle in self._circles():
            for table in circle:
                found[table.name].deduplicated = self._deduplicate(table)
            self._remove_orphans(circle, found)
            for table in circle:
                self._remove_conflicts(table, found[table.name])
            self._remove_orphans(circle, found)
        for table in self._tables:
            found[table.name].accepted = self._count(table)
            for reference in table.references:
                if not reference.enforced:
                    orphans = f"SELECT count(*) FROM {_name(table)} s WHERE {self._is_orphan(reference)}"
                    found[table.name].unenforced[reference.name] = self._run(orphans)[0][0]
        return found

    def _circles(self) -> Iterator[list[Table]]:
        """The tables, parents first; those that reference each other in a circle together."""
        by_name = {table.name: table for table in self._tables}
        done: set[str] = set()
        for wave in self._dataset.waves(by_name):
            for name in wave:
                circle = [by_name[other] for other in self._dataset.circle(name) if other in by_name]
                if name not in done:
                    yield circle
                done |= {table.name for table in circle}

    def _load(self, table: Table) -> None:
        columns = deciding_columns(self._dataset, table)
        declared = ", ".join(["source BIGINT", "row VARCHAR", *(f"{_quoted(c)} VARCHAR" for c in columns)])
        self._run(f"CREATE TABLE {_name(table)} ({declared})")
        for path in sorted(self.folder.glob(f"{table.name}.*.arrow")):
            with pa.memory_map(str(path)) as file:
                batches = pa.ipc.open_file(file).read_all()
            self._db.register("incoming", self._comparable(table, batches))
            self._run(f"INSERT INTO {_name(table)} SELECT * FROM incoming")
            self._db.unregister("incoming")

    def _comparable(self, table: Table, rows: pa.Table) -> pa.Table:
        """The rows with texts that are equal exactly for values that PostgreSQL holds equal."""
        for place, name in enumerate(rows.column_names):
            column = table.by_name.get(name)
            if column is None or name in {"source", "row"} or column.type.name in _EXACT_TEXTS:
                continue
            encoded = rows[name].combine_chunks().dictionary_encode()
            equal = [column.type.equality(column.type.parse(text)) for text in encoded.dictionary.to_pylist()]
            values = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(equal, pa.string()))
            rows = rows.set_column(place, name, values.cast(pa.string()))
        return rows

    def _deduplicate(self, table: Table) -> int:
        if table.is_multiset:
            return 0
        before = self._count(table)
        identity = ", ".join(["row", *(map(_quoted, table.key))])
        self._run(
            f"DELETE FROM {_name(table)} WHERE rowid NOT IN"
            f" (SELECT arg_min(rowid, source) FROM {_name(table)} GROUP BY {identity})"
        )
        return before - self._count(table)

    def _remove_orphans(self, circle: Sequence[Table], found: dict[str, Decided]) -> None:
        circular = any(key.deferrable for table in circle for key in table.foreign_keys)
        more = True
        while more:
            removed = [self._remove_orphans_of(table, found[table.name]) for table in circle]
            more = any(removed) and circular

    def _remove_orphans_of(self, table: Table, found: Decided) -> bool:
        """Delete a table's orphans, counted under the first reference that each contradicts."""
        names = {table.name for table in self._tables}
        keys = [key for key in table.foreign_keys if key.parent in names]
        removed = False
        marked = [
            (
                key,
                [
                    row
                    for (row,) in self._run(
                        f"SELECT rowid FROM {_name(table)} s WHERE {self._is_orphan(key)}"
                    )
                ],
            )
            for key in keys
        ]
        seen: set[int] = set()
        for key, rows in marked:
            fresh = [row for row in rows if row not in seen]
            seen |= set(fresh)
            found.orphans[key.name] += len(fresh)
            removed |= bool(fresh)
        self._delete(table, seen)
        return removed

    def _is_orphan(self, reference: ForeignKey) -> str:
        present = " AND ".join(f"s.{_quoted(name)} IS NOT NULL" for name in reference.columns)
        same = " AND ".join(
            f"p.{_quoted(parent)} = s.{_quoted(child)}"
            for child, parent in zip(reference.columns, reference.parent_columns, strict=True)
        )
        parent = _name(self._dataset.table(reference.parent))
        return f"{present} AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {same})"

    def _remove_conflicts(self, table: Table, found: Decided) -> None:
        if not table.uniques:
            if table.key:
                self._remove_later_rows(table, found)
            return
        self._accept_in_order(table, found)

    def _remove_later_rows(self, table: Table, found: Decided) -> None:
        before = self._count(table)
        key = ", ".join(map(_quoted, table.key))
        self._run(
            f"DELETE FROM {_name(table)} WHERE rowid NOT IN"
            f" (SELECT arg_min(rowid, source) FROM {_name(table)} GROUP BY {key})"
        )
        found.conflicts["conflict"] += before - self._count(table)

    def _accept_in_order(self, table: Table, found: Decided) -> None:
        """Accept the rows in file order, each unless its key or a unique value belongs to an accepted one."""
        constraints = [("conflict", table.key)] if table.key else []
        constraints += [(unique.name, unique.columns) for unique in table.uniques]
        shared = " OR ".join(_is_shared(table, columns) for _, columns in constraints)
        wanted = sorted({name for _, columns in constraints for name in columns})
        names = ", ".join(["rowid", *map(_quoted, wanted)])
        rows = self._run(f"SELECT {names} FROM {_name(table)} s WHERE {shared} ORDER BY source, rowid")
        taken: dict[str, set[tuple[Any, ...]]] = {reason: set() for reason, _ in constraints}
        rejected: set[int] = set()
        for rowid, *values in rows:
            row = dict(zip(wanted, values, strict=True))
            keys = {reason: tuple(row[name] for name in columns) for reason, columns in constraints}
            reason = next((r for r, key in keys.items() if None not in key and key in taken[r]), None)
            if reason is not None:
                rejected.add(rowid)
                found.conflicts[reason] += 1
                continue
            for name, key in keys.items():
                taken[name].add(key)
        self._delete(table, rejected)

    def _delete(self, table: Table, rows: set[int]) -> None:
        if rows:
            self._db.register("rejected", pa.table({"id": pa.array(sorted(rows), pa.int64())}))
            self._run(f"DELETE FROM {_name(table)} WHERE rowid IN (SELECT id FROM rejected)")
            self._db.unregister("rejected")

    def _count(self, table: Table) -> int:
        return int(self._run(f"SELECT count(*) FROM {_name(table)}")[0][0])

    def _run(self, query: str) -> list[tuple[Any, ...]]:
        return self._db.execute(query).fetchall()


def _is_shared(table: Table, columns: Sequence[str]) -> str:
    names = ", ".join(map(_quoted, columns))
    own = ", ".join(f"s.{_quoted(name)}" for name in columns)
    return f"({own}) IN (SELECT ({names}) FROM {_name(table)} GROUP BY {names} HAVING count(*) > 1)"


def _name(table: Table) -> str:
    return _quoted(f"rows of {table.name}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
