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
from discovery.check.rows import deciding_columns

EXAMPLES = 3
"""The rejected records that are shown of each reason."""
_MEMORY = "256MB"
_AT_ONCE = 10_000


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
        """Load the rows of a table that readers have written into ``folder``."""
        names = [f"c{place}" for place in range(len(deciding_columns(self.dataset, table)))]
        columns = ["_source BIGINT", "_row BLOB", *(f"{name} VARCHAR" for name in names)]
        self.run(f"CREATE TABLE {self.relation(table)} ({', '.join(columns)})")
        for path in sorted(self.folder.glob(f"{self.relation(table)}.*.arrow")):
            with pa.OSFile(str(path)) as file:
                self._insert(self.relation(table), pa.ipc.open_stream(file))
            path.unlink()

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
        """Delete the rows whose ``rowid`` the query gives. Returns their number."""
        return self.number(f"DELETE FROM {self.relation(table)} WHERE rowid IN ({ids})")

    @contextmanager
    def marks(self) -> Iterator[None]:
        """An empty relation ``marks`` of ids and numbers of rules. In the block the ids of rows do not change."""
        self.run("BEGIN")
        self.run("CREATE TABLE marks (id BIGINT, rule INTEGER)")
        yield
        self.run("DROP TABLE marks")
        self.run("COMMIT")

    def mark(self, ids: Sequence[int], rules: Sequence[int]) -> None:
        """Add rows to ``marks``."""
        if ids:
            self._insert(
                "marks", pa.table({"id": pa.array(ids, pa.int64()), "rule": pa.array(rules, pa.int32())})
            )

    def _insert(self, relation_name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        self._db.register("incoming", rows)
        self.run(f"INSERT INTO {relation_name} SELECT * FROM incoming")
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


def relation(dataset: Dataset, table: Table) -> str:
    """The name of a table's relation."""
    return f"t{list(dataset.tables).index(table.name)}"
