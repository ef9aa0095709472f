"""The hashes of all texts of a folder's tables, in a temporary DuckDB database: distinct values, inclusion.

DuckDB counts and joins. It never decides how a file is read or what a text means: it is given the fields that Data Forge's
own readers found, with NULL for those that mean NULL. Texts are compared by 64-bit hashes: of ten million different
texts, two have one hash with a probability of 1 to 400,000.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from discovery.profiling.one_file import Profiled, profile_batches
from discovery.profiling.samples import Figures, Sample

Hashes = npt.NDArray[np.uint64]

_MEMORY = "192MB"
_INTEGER = r"^[+-]?[0-9]{1,18}$"
_EXACT_FROM = 0.8
"""Columns with fewer distinct values per row, by estimate, are not counted exactly: they cannot be keys."""


@dataclass(frozen=True)
class ColumnTexts:
    """Figures of a column's texts. ``present``: rows with a value. ``distinct``: an estimate unless it is near the rows; the
    number of sampled values where hashes are not stored.
    """

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


@dataclass
class _Column:
    """``figures`` without the texts in ``removed``. ``distinct`` is None until it is counted."""

    name: str
    figures: Figures
    removed: set[str] = field(default_factory=set)
    distinct: int | None = None


class TextStore:
    """The tables, by the headers of their columns. A context manager: the database is deleted at its end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dataforge-")
        self.folder = Path(self._folder.name)
        self._db = duckdb.connect(str(self.folder / "texts.duckdb"))
        self._db.execute(f"SET memory_limit = '{_MEMORY}'").fetchall()
        self._db.execute("SET preserve_insertion_order = false").fetchall()
        self._rows: dict[str, int] = {}
        self._files: dict[str, list[Path]] = {}
        self._stored = defaultdict[str, set[str]](set)
        self._columns: dict[str, list[_Column]] = {}
        self._coverages: dict[tuple[str, tuple[str, ...], str, tuple[str, ...]], Coverage] = {}
        self._groups: dict[tuple[str, tuple[str, ...]], str] = {}

    def __enter__(self) -> TextStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # On a full disk, DuckDB cannot complete its file, which is removed.
        with suppress(duckdb.Error):
            self._db.close()
        self._folder.cleanup()

    def add(self, table: str, columns: Sequence[str], batches: Iterable[pa.RecordBatch]) -> None:
        """Profile and store a table of columns of strings."""
        self.load(table, columns, [profile_batches(batches, len(columns), self.folder, len(self._rows))])
        self.store(table, (column.name for column in self._columns[table]))

    def load(self, table: str, columns: Sequence[str], files: Sequence[Profiled]) -> None:
        """Add a table of profiled files, which stay with the store."""
        self._columns[table] = [_Column(name, Figures()) for name in _distinct_names(columns)]
        self._rows[table] = sum(found.rows for found in files)
        self._files[table] = [found.texts for found in files]
        for found in files:
            for column, figures in zip(self._columns[table], found.columns, strict=True):
                column.figures.add(figures)

    def remove_texts(self, table: str, column: str, texts: Sequence[str]) -> None:
        """Set the column to NULL where it has one of these texts, with or without blanks around it.

        Only before ``store``.
        """
        stored = self._column(table, column)
        values = stored.figures.sample.values
        wanted = {text for text in values["text"].to_pylist() if text.strip() in texts} | {*texts} - {""}
        counts = self._counts(table, stored, wanted)
        stored.removed.update(counts)
        stored.figures.present -= sum(counts.values())
        stored.figures.characters -= sum(len(text) * count for text, count in counts.items())
        stored.distinct = None

    def store(self, table: str, columns: Iterable[str]) -> None:
        """Store the hashes of these columns. Those of others are stored when they are needed."""
        wanted = {*columns} - self._stored[table]
        if not wanted:
            return
        self._stored[table] |= wanted
        chosen = [(n, c) for n, c in enumerate(self._columns[table]) if c.name in self._stored[table]]
        removed = [list(column.removed) for _, column in chosen if column.removed]
        with closing(_batches(self._files[table], [number for number, _ in chosen])) as batches:
            schema = pa.schema([(f"c{number}", pa.string()) for number, _ in chosen])
            self._db.register("incoming", pa.RecordBatchReader.from_batches(schema, batches))
            hashes = ", ".join(
                f"{_hash(number, column)} AS {_quoted(column.name)}" for number, column in chosen
            )
            query = f"CREATE OR REPLACE TABLE {_quoted(table)} AS SELECT {hashes} FROM incoming"
            self._db.execute(query, removed).fetchall()
            self._db.unregister("incoming")

    def rows(self, table: str) -> int:
        """The number of rows."""
        return self._rows[table]

    def describe(self, table: str) -> tuple[ColumnTexts, ...]:
        """The columns of a table."""
        self._count_distinct(table)
        return tuple(
            ColumnTexts(
                column.name,
                position,
                self._rows[table],
                column.figures.present,
                column.distinct or 0,
                column.figures.characters / max(column.figures.present, 1),
                column.figures.longest,
            )
            for position, column in enumerate(self._columns[table])
        )

    def _count_distinct(self, table: str) -> None:
        for column in self._columns[table]:
            counted = column.figures.sample.complete or column.name not in self._stored[table]
            if column.distinct is None and counted:
                column.distinct = len(self._left(column))
        unknown = [column for column in self._columns[table] if column.distinct is None]
        if not unknown:
            return
        estimates = ", ".join(f"approx_count_distinct({_quoted(column.name)})" for column in unknown)
        for column, estimate in zip(
            unknown, self._one(f"SELECT {estimates} FROM {_quoted(table)}"), strict=True
        ):
            near = estimate >= _EXACT_FROM * column.figures.present
            column.distinct = self._distinct(table, [column.name]) if near else estimate

    def values(self, table: str, column: str) -> Sample:
        """The values with their numbers, the most frequent first; of a column with many, a sample with its numbers."""
        stored = self._column(table, column)
        found = self._left(stored)
        shuffled = _shuffled(found)
        order = np.argsort(-shuffled["count"].to_numpy(), kind="stable")
        return Sample(shuffled.take(order), stored.figures.sample.complete)

    def _left(self, column: _Column) -> pa.Table:
        values = column.figures.sample.values
        if not column.removed:
            return values
        return values.filter(pc.invert(pc.is_in(values["text"], pa.array(column.removed, pa.string()))))

    def _counts(self, table: str, column: _Column, texts: Collection[str]) -> dict[str, int]:
        """How often each of the texts occurs, without those that do not."""
        if not texts:
            return {}
        if column.figures.sample.complete:
            values = self._left(column)
            some = values.filter(pc.is_in(values["text"], pa.array(texts, pa.string()))).to_pylist()
            return {value["text"]: value["count"] for value in some}
        counts = Counter[str]()
        for rows in self.texts(table, column.name):
            counts.update(rows.filter(pc.is_in(rows, pa.array(texts, pa.string()))).to_pylist())
        return dict(counts)

    def _column(self, table: str, name: str) -> _Column:
        return next(column for column in self._columns[table] if column.name == name)

    def texts(self, table: str, column: str) -> Iterator[pa.Array]:
        """The texts of all rows that have one, in batches."""
        stored = self._column(table, column)
        removed = pa.array(stored.removed, pa.string())
        for batch in _batches(self._files[table], [self._columns[table].index(stored)]):
            texts = batch.column(0).drop_null()
            yield texts.filter(pc.invert(pc.is_in(texts, removed))) if len(removed) else texts

    def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        """Whether no two rows have the same values in these columns, which are complete."""
        return self._distinct(table, columns) == self.rows(table)

    def repeated(self, table: str, columns: Sequence[str]) -> int:
        """How many rows repeat the values of another one in these columns; rows without a value repeat none."""
        self.store(table, columns)
        names = ", ".join(map(_quoted, columns))
        present = " AND ".join(f"{_quoted(column)} IS NOT NULL" for column in columns)
        sets = f"SELECT count(*) AS n FROM {_quoted(table)} WHERE {present} GROUP BY {names}"
        return int(self._one(f"SELECT coalesce(sum(n - 1), 0) FROM ({sets})")[0])

    def first_rows(self, table: str, columns: Sequence[str], rows: int) -> dict[str, Hashes]:
        """The hashes of up to ``rows`` stored rows in these columns, which are complete."""
        self.store(table, columns)
        query = f"SELECT {_named(columns, 'c')} FROM {_quoted(table)} LIMIT {rows}"
        found = self._db.execute(query).fetchnumpy()
        return {name: found[f"c{number}"] for number, name in enumerate(columns)}

    def groups(self, table: str, columns: Sequence[str]) -> tuple[int, int]:
        """How many different values the columns have together, and how many pairs of rows have the same."""
        self.store(table, columns)
        groups = f"SELECT {_named(columns, 'c')}, count(*) AS n FROM {_quoted(table)} GROUP BY ALL"
        found = self._one(f"SELECT count(*), coalesce(sum(n * (n - 1) // 2), 0) FROM ({groups})")
        return int(found[0]), int(found[1])

    def sample(self, table: str, values: int) -> dict[str, list[str]]:
        """Up to ``values`` different values of each column, from everywhere."""
        return {
            column.name: _shuffled(self._left(column))["text"].slice(0, values).to_pylist()
            for column in self._columns[table]
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
        self.store(table, [column])
        stored = f"SELECT {_quoted(column)} FROM {_quoted(table)}"
        query = f"SELECT number, count(*) FROM temp.samples WHERE hash(value) IN ({stored}) GROUP BY number"
        return {int(number): int(hits) for number, hits in self._db.execute(query).fetchall()}

    def range(self, table: str, column: str) -> tuple[int, int] | None:
        """The least and the greatest integer of a column, or None without any."""
        stored = self._column(table, column)
        complete = stored.figures.sample.complete
        found = None
        for texts in [self._left(stored)["text"]] if complete else self.texts(table, column):
            numbers = pc.cast(texts.filter(pc.match_substring_regex(texts, _INTEGER)), pa.int64())
            if len(numbers):
                ends = pc.min_max(numbers).as_py()
                low, high = found or (ends["min"], ends["max"])
                found = min(low, ends["min"]), max(high, ends["max"])
        return found

    def coverage(
        self, child: str, columns: Sequence[str], parent: str, parent_columns: Sequence[str]
    ) -> Coverage:
        """How far the columns' values are found in those of the parent."""
        asked = child, tuple(columns), parent, tuple(parent_columns)
        if asked not in self._coverages:
            same = " AND ".join(f"c.v{n} = p.v{n}" for n in range(len(columns)))
            row = self._one(
                f"SELECT count(*), count(p.v0), coalesce(sum(c.n), 0), coalesce(sum(c.n) FILTER (p.v0 IS NULL), 0)"
                f" FROM {self._grouped(child, columns)} c"
                f" LEFT JOIN {self._grouped(parent, parent_columns)} p ON {same}"
            )
            self._coverages[asked] = Coverage(*map(int, row))
        return self._coverages[asked]

    def _grouped(self, table: str, columns: Sequence[str]) -> str:
        """The relation of the columns' different values v0, v1, ..., without NULL, with their numbers ``n``."""
        asked = table, tuple(columns)
        if asked not in self._groups:
            self.store(table, columns)
            self._groups[asked] = f"groups_{len(self._groups)}"
            present = " AND ".join(f"{_quoted(name)} IS NOT NULL" for name in columns)
            self._db.execute(
                f"CREATE TEMP TABLE {self._groups[asked]} AS SELECT {_named(columns, 'v')}, count(*) AS n"
                f" FROM {_quoted(table)} WHERE {present} GROUP BY ALL"
            ).fetchall()
        return f"temp.{self._groups[asked]}"

    def _distinct(self, table: str, columns: Sequence[str]) -> int:
        self.store(table, columns)
        names = ", ".join(map(_quoted, columns))
        return int(self._one(f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM {_quoted(table)})")[0])

    def _one(self, query: str) -> tuple[Any, ...]:
        [row] = self._db.execute(query).fetchall()
        return row


def _batches(paths: Iterable[Path], fields: Sequence[int]) -> Generator[pa.RecordBatch]:
    """The texts of some columns."""
    options = pa.ipc.IpcReadOptions(included_fields=list(fields), use_threads=False)
    for path in paths:
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file, options=options) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


def _hash(number: int, column: _Column) -> str:
    """An expression for a 64-bit number for each text, NULL for a text that is missing or removed."""
    name = f"c{number}"
    absent = f"{name} IS NULL" + (f" OR list_contains(?, {name})" if column.removed else "")
    return f"CASE WHEN {absent} THEN NULL ELSE hash({name}) END"


def _quoted(name: str) -> str:
    """A quoted identifier of DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def _shuffled(values: pa.Table) -> pa.Table:
    return values.take(np.random.default_rng(0).permutation(len(values)))


def _named(columns: Sequence[str], letter: str) -> str:
    """The columns under names that none of them can have in a query: ``"order id" AS c0, "n" AS c1``."""
    return ", ".join(f"{_quoted(column)} AS {letter}{n}" for n, column in enumerate(columns))


def _distinct_names(names: Sequence[str]) -> list[str]:
    """The names, with a number where DuckDB takes one for an earlier one: it folds case."""
    taken: set[str] = set()
    found = []
    for name in names:
        numbered = next(
            n for n in chain((name,), (f"{name}_{n}" for n in count(1))) if n.casefold() not in taken
        )
        taken.add(numbered.casefold())
        found.append(numbered)
    return found
