"""All texts of a folder's tables, in a temporary DuckDB database: counts, distinct values, inclusion.

DuckDB counts and joins. It never decides how a file is read or what a text means: it is given the fields that Data Forge's
own readers found, with NULL for those that mean NULL.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

_MEMORY = "512MB"
_BATCH = 65_536
_EXACT_FROM = 0.8
"""Columns with fewer distinct values per row, by estimate, are not counted exactly: they cannot be keys."""


@dataclass(frozen=True)
class ColumnTexts:
    """Figures of a column's texts. ``present``: rows with a value. ``distinct``: an estimate unless it is near the rows."""

    name: str
    position: int
    rows: int
    present: int
    distinct: int
    mean_length: float
    longest: int

    @property
    def is_complete(self) -> bool:
        """Whether every row has a value."""
        return self.present == self.rows

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value, and no two rows the same."""
        return self.rows > 0 and self.present == self.rows == self.distinct


@dataclass(frozen=True)
class Coverage:
    """How many values of a child's column are found in a parent: of ``distinct`` values and of ``rows`` that have one."""

    distinct: int
    found: int
    rows: int
    orphans: int

    @property
    def share(self) -> float:
        """The share of the distinct values that are found; 0 without values."""
        return self.found / self.distinct if self.distinct else 0.0


class TextStore:
    """The texts of tables. A context manager: the database is deleted at its end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dataforge-")
        self._db = duckdb.connect(str(Path(self._folder.name) / "texts.duckdb"))
        self._db.execute(f"SET memory_limit = '{_MEMORY}'").fetchall()
        self._db.execute("SET preserve_insertion_order = false").fetchall()

    def __enter__(self) -> TextStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, table: str, columns: Sequence[str], batches: Iterable[pa.RecordBatch]) -> None:
        """Store a table of string columns."""
        schema = pa.schema([(name, pa.string()) for name in columns])
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        self._db.register("incoming", reader)
        self._db.execute(f"CREATE TABLE {_quoted(table)} AS SELECT * FROM incoming").fetchall()
        self._db.unregister("incoming")

    def remove_texts(self, table: str, column: str, texts: Sequence[str]) -> None:
        """Set the column to NULL where it has one of these texts, with or without blanks around it."""
        if texts:
            name, places = _quoted(column), ", ".join("?" for _ in texts)
            update = f"UPDATE {_quoted(table)} SET {name} = NULL WHERE trim({name}) IN ({places})"
            self._db.execute(update, list(texts)).fetchall()

    def rows(self, table: str) -> int:
        """The number of rows."""
        return int(self._one(f"SELECT count(*) FROM {_quoted(table)}")[0])

    def describe(self, table: str) -> tuple[ColumnTexts, ...]:
        """The columns of a table."""
        names = [row[0] for row in self._db.execute(f"DESCRIBE {_quoted(table)}").fetchall()]
        figures = ", ".join(
            f"count({c}), approx_count_distinct({c}), avg(length({c})), max(length({c}))"
            for c in map(_quoted, names)
        )
        rows, *found = self._one(f"SELECT count(*), {figures} FROM {_quoted(table)}")
        described = []
        for position, name in enumerate(names):
            present, distinct, mean, longest = found[4 * position : 4 * position + 4]
            if distinct >= _EXACT_FROM * present:
                distinct = self._distinct(table, [name])
            described.append(
                ColumnTexts(name, position, rows, present, distinct, float(mean or 0), longest or 0)
            )
        return tuple(described)

    def values(self, table: str, column: str, limit: int) -> list[tuple[str, int]]:
        """The most frequent values with their numbers, at most ``limit``."""
        name = _quoted(column)
        return self._db.execute(
            f"SELECT {name}, count(*) AS n FROM {_quoted(table)} WHERE {name} IS NOT NULL"
            f" GROUP BY 1 ORDER BY n DESC, 1 LIMIT {limit}"
        ).fetchall()

    def texts(self, table: str, column: str) -> Iterator[pa.Array]:
        """The texts of all rows that have one, in batches."""
        name = _quoted(column)
        query = f"SELECT {name} FROM {_quoted(table)} WHERE {name} IS NOT NULL"
        for batch in self._db.sql(query).to_arrow_reader(_BATCH):
            yield batch.column(0).cast(pa.string())

    def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        """Whether no two rows have the same values in these columns, which are complete."""
        return self._distinct(table, columns) == self.rows(table)

    def repeated(self, table: str, columns: Sequence[str]) -> int:
        """How many rows repeat the values of another one in these columns; rows without a value repeat none."""
        names = ", ".join(map(_quoted, columns))
        present = " AND ".join(f"{_quoted(column)} IS NOT NULL" for column in columns)
        sets = f"SELECT count(*) AS n FROM {_quoted(table)} WHERE {present} GROUP BY {names}"
        return int(self._one(f"SELECT coalesce(sum(n - 1), 0) FROM ({sets})")[0])

    def has_copies(self, table: str, columns: Sequence[str], rows: int) -> bool:
        """Whether two of the first ``rows`` stored rows have the same values in these columns."""
        names = ", ".join(map(_quoted, columns))
        part = f"(SELECT {names} FROM {_quoted(table)} LIMIT {rows})"
        query = f"SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM {part})) FROM {part}"
        return bool(self._one(query)[0])

    def groups(self, table: str, columns: Sequence[str]) -> tuple[int, int]:
        """How many different values the columns have together, and how many pairs of rows have the same."""
        groups = f"SELECT {_named(columns, 'c')}, count(*) AS n FROM {_quoted(table)} GROUP BY ALL"
        found = self._one(f"SELECT count(*), coalesce(sum(n * (n - 1) // 2), 0) FROM ({groups})")
        return int(found[0]), int(found[1])

    def sample(self, table: str, rows: int, values: int) -> dict[str, list[str]]:
        """Up to ``values`` different values of each column, of about ``rows`` rows from everywhere."""
        step = max(1, self.rows(table) // rows)
        query = f"SELECT * FROM {_quoted(table)} WHERE rowid % {step} = 0 LIMIT {2 * rows}"
        found = self._db.sql(query).to_arrow_table()
        return {
            name: pc.drop_null(pc.unique(found[name])).slice(0, values).to_pylist()
            for name in found.column_names
        }

    def keep_samples(self, samples: Sequence[Sequence[str]]) -> None:
        """Store lists of values for ``hits``."""
        numbers = [number for number, values in enumerate(samples) for _ in values]
        kept = pa.table(
            {"number": pa.array(numbers, pa.int64()), "value": pa.array(chain(*samples), pa.string())}
        )
        self._db.register("incoming", kept)
        self._db.execute("CREATE OR REPLACE TEMP TABLE samples AS SELECT * FROM incoming").fetchall()
        self._db.unregister("incoming")

    def hits(self, table: str, column: str) -> dict[int, int]:
        """How many values of each stored list the column has; lists without any are left out."""
        query = (
            f"SELECT number, count(*) FROM temp.samples WHERE value IN (SELECT {_quoted(column)} FROM {_quoted(table)})"
            " GROUP BY number"
        )
        return {int(number): int(hits) for number, hits in self._db.execute(query).fetchall()}

    def range(self, table: str, column: str) -> tuple[int, int] | None:
        """The least and the greatest integer of a column, or None without any."""
        value = f"try_cast({_quoted(column)} AS BIGINT)"
        low, high = self._one(f"SELECT min({value}), max({value}) FROM {_quoted(table)}")
        return None if low is None else (int(low), int(high))

    def coverage(
        self, child: str, columns: Sequence[str], parent: str, parent_columns: Sequence[str]
    ) -> Coverage:
        """How far the columns' values are found in those of the parent."""
        own, present = _named(columns, "c"), " AND ".join(f"{_quoted(name)} IS NOT NULL" for name in columns)
        same = " AND ".join(f"c{n} = k{n}" for n in range(len(columns)))
        row = self._one(
            f"SELECT count(*), count(k0), coalesce(sum(n), 0), coalesce(sum(n) FILTER (k0 IS NULL), 0)"
            f" FROM (SELECT {own}, count(*) AS n FROM {_quoted(child)} WHERE {present} GROUP BY ALL)"
            f" LEFT JOIN (SELECT DISTINCT {_named(parent_columns, 'k')} FROM {_quoted(parent)}) ON {same}"
        )
        return Coverage(*map(int, row))

    def _distinct(self, table: str, columns: Sequence[str]) -> int:
        names = ", ".join(map(_quoted, columns))
        return int(self._one(f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM {_quoted(table)})")[0])

    def _one(self, query: str) -> tuple[Any, ...]:
        [row] = self._db.execute(query).fetchall()
        return row


def _quoted(name: str) -> str:
    """A quoted identifier of DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def _named(columns: Sequence[str], letter: str) -> str:
    """The columns under names that none of them can have in a query: ``"order id" AS c0, "n" AS c1``."""
    return ", ".join(f"{_quoted(column)} AS {letter}{n}" for n, column in enumerate(columns))
