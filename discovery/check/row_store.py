"""The deciding columns of all rows of a folder, in a temporary DuckDB database.

DuckDB folds the case of identifiers and adds a column ``rowid``, so relations and columns have generated names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from dataforge.tables.catalogue import Dataset, Table
from discovery.check.rows import deciding_columns, relation, row_schema

_MEMORY = "256MB"
_AT_ONCE = 10_000
_ROW = "row"
_TYPES = {pa.int64(): "BIGINT", pa.string(): "VARCHAR"}


class RowStore:
    """The rows of tables. A context manager: the database is deleted at its end."""

    def __init__(self, dataset: Dataset, tables: Sequence[str]) -> None:
        self.dataset = dataset
        self.tables = tuple(dataset.table(name) for name in tables)
        self._temporary = tempfile.TemporaryDirectory(prefix="dataforge-")
        self.folder = Path(self._temporary.name)
        self._db = duckdb.connect(str(self.folder / "rows.duckdb"))
        self.run(f"SET memory_limit = '{_MEMORY}'")

    def __enter__(self) -> RowStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._temporary.cleanup()

    def load(self, table: Table) -> None:
        """Load the ids, positions and deciding columns of the rows that readers have written into ``folder``."""
        schema = row_schema(self.dataset, table)
        names = [name for name in schema.names if name != _ROW]
        columns = ", ".join(f"{name} {_TYPES[schema.field(name).type]}" for name in names)
        self.run(f"CREATE TABLE {self.relation(table)} ({columns})")
        self._insert(self.relation(table), self._stored(table, names))

    def load_texts(self, table: Table, ids: str | None) -> None:
        """Create the relation ``texts`` of the ids and positions of rows, and the MD5 of their texts.

        ``ids``: the query of the rows; None: all.
        """
        chosen = f" WHERE id IN ({ids})" if ids else ""
        self.run("CREATE OR REPLACE TABLE texts (id BIGINT, source BIGINT, row UHUGEINT)")
        self._insert(
            "texts",
            self._stored(table, ["id", "source", _ROW]),
            f"id, source, md5_number(row) FROM incoming{chosen}",
        )

    def _stored(self, table: Table, names: Sequence[str]) -> pa.RecordBatchReader:
        schema = row_schema(self.dataset, table)
        fields = [schema.get_field_index(name) for name in names]
        batches = _batches(sorted(self.folder.glob(f"{self.relation(table)}.*.arrow")), fields)
        return pa.RecordBatchReader.from_batches(
            pa.schema([schema.field(field) for field in fields]), batches
        )

    def relation(self, table: Table) -> str:
        """The relation of a table, and the beginning of the names of its files in ``folder``."""
        return relation(self.dataset, table)

    def columns(self, table: Table, names: Sequence[str]) -> list[str]:
        """The columns of a relation for the columns of a table."""
        stored = deciding_columns(self.dataset, table)
        return [f"c{stored.index(name)}" for name in names]

    def count(self, table: Table) -> int:
        """The rows that are left."""
        return self.number(f"SELECT count(*) FROM {self.relation(table)}")

    def delete(self, table: Table, ids: str) -> int:
        """Delete the rows whose ids the query gives. Returns their number."""
        return self.number(f"DELETE FROM {self.relation(table)} WHERE id IN ({ids})")

    def select_sharing(self, table: Table, constraints: Sequence[Sequence[str]]) -> int:
        """Create the relation ``sharing`` of the rows that may share a constraint's values with another row.

        Hashes are compared, so it may have further rows. Returns the number of rows.
        """
        relation, ids = (
            self.relation(table),
            " UNION ".join(_sharing(self.relation(table), c) for c in constraints),
        )
        self.run(f"CREATE OR REPLACE TABLE sharing AS SELECT * FROM {relation} WHERE id IN ({ids})")
        return self.number("SELECT count(*) FROM sharing")

    @contextmanager
    def marks(self, name: str = "marks") -> Iterator[str]:
        """An empty relation of ids and numbers of rules; gives its name."""
        self.run(f"CREATE TABLE {name} (id BIGINT, rule INTEGER)")
        yield name
        self.run(f"DROP TABLE {name}")

    def mark(self, ids: Sequence[int], rules: Sequence[int]) -> None:
        """Add rows to ``marks``."""
        if ids:
            self._insert(
                "marks", pa.table({"id": pa.array(ids, pa.int64()), "rule": pa.array(rules, pa.int32())})
            )

    def _insert(
        self, name: str, rows: pa.Table | pa.RecordBatchReader, selected: str = "* FROM incoming"
    ) -> None:
        self._db.register("incoming", rows)
        self.run(f"INSERT INTO {name} SELECT {selected}")
        self._db.unregister("incoming")

    def run(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        return self._db.execute(query).fetchall()

    def number(self, query: str) -> int:
        """The result of a query that gives one number."""
        return int(self.run(query)[0][0])

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that may give many. Other queries may run between them."""
        with self._db.cursor() as cursor:
            cursor.execute(query)
            while some := cursor.fetchmany(_AT_ONCE):
                yield from some


def _batches(paths: Sequence[Path], fields: Sequence[int]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with pa.OSFile(str(path)) as file:
            yield from pa.ipc.open_stream(file, options=pa.ipc.IpcReadOptions(included_fields=list(fields)))


def _sharing(relation: str, columns: Sequence[str]) -> str:
    names, present = ", ".join(columns), " AND ".join(f"{name} IS NOT NULL" for name in columns)
    found = f"SELECT id, hash({names}) AS h FROM {relation} WHERE {present}"
    return f"SELECT id FROM ({found}) WHERE h IN (SELECT h FROM ({found}) GROUP BY h HAVING count(*) > 1)"
