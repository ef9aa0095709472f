"""The valid rows of a file as a check stores them: their positions, what decides between them, and their texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.bulk.blocks import Batch, TableBatcher, row_bodies
from dataforge.bulk.canonical import quote_free_text
from dataforge.formats.csv_boundaries import Offsets
from dataforge.records.validate import Texts, quote
from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.types.numbers import WholeNumber

_FLOATS = frozenset(["real", "double"])
_INEXACT = frozenset(["interval", "jsonb", "array"])
"""Types with equal values that have different canonical texts: ``24:00:00`` is ``1 day``."""
EXAMPLES = 3
"""The rejected records that are shown of each reason."""
_AT_ONCE = 10_000
_ID_BITS = 40
"""The ids of an item's rows follow each other; those of later items are greater."""


def deciding_columns(dataset: Dataset, table: Table) -> tuple[str, ...]:
    """The columns of the table's key, unique constraints and references, and those that others reference, in order."""
    named = {
        *table.key,
        *(name for unique in table.uniques for name in unique.columns),
        *(name for reference in table.references for name in reference.columns),
        *(
            name
            for child in dataset.tables.values()
            for reference in child.references
            if reference.parent == table.name
            for name in reference.parent_columns
        ),
    }
    return tuple(name for name in table.column_names if name in named)


def relation(dataset: Dataset, table: Table) -> str:
    """The name of a table's relation, and the beginning of the names of its files."""
    return f"t{list(dataset.tables).index(table.name)}"


def row_schema(dataset: Dataset, table: Table) -> pa.Schema:
    """The columns of a stored row: id, position, the deciding columns, and its text.

    Identical rows of a multiset are different rows, so their texts are not stored.
    """
    deciding = [table.by_name[name] for name in deciding_columns(dataset, table)]
    columns = [(f"c{place}", _stored_type(column)) for place, column in enumerate(deciding)]
    text = [] if table.is_multiset else [("row", pa.string())]
    return pa.schema([("id", pa.int64()), ("source", pa.int64()), *columns, *text])


def _stored_type(column: Column) -> pa.DataType:
    return pa.int64() if isinstance(column.type, WholeNumber) else pa.string()


class RowWriter:
    """Write the rows of one table of an item. A context manager: the file is complete at its end."""

    def __init__(self, dataset: Dataset, table: Table, chunk: int, path: Path) -> None:
        self.copies = 0
        self._table, self._schema = table, row_schema(dataset, table)
        self._deciding = [table.column_names.index(name) for name in deciding_columns(dataset, table)]
        self._next = chunk << _ID_BITS
        self._pending: list[tuple[Texts, int]] = []
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._file = pa.ipc.new_stream(path, self._schema, options=options)

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write_pending()
        self._file.close()

    def add_one(self, texts: Texts, position: int) -> None:
        """Add a row by its canonical texts."""
        self._pending.append((texts, position))
        if len(self._pending) == _AT_ONCE:
            self._write_pending()

    def _write_pending(self) -> None:
        if not self._pending:
            return
        rows, positions = zip(*self._pending, strict=True)
        self._pending = []
        columns = [
            [None if text is None else quote(text) for text in column] for column in zip(*rows, strict=True)
        ]
        self.add([pa.array(column, pa.string()) for column in columns], np.array(positions, np.int64))

    def add(self, quoted: Sequence[pa.Array], positions: Offsets) -> None:
        """Add rows by their canonical texts in the form of a row's text. Of copies among them, the first is written."""
        columns = list(map(_comparable, self._table.columns, quoted))
        if self._table.is_multiset:
            self._write(columns, positions, [])
            return
        row = row_bodies(columns)
        if self._table.keyed_by_row:
            first = _first_places(row.dictionary_encode())
            self.copies += len(row) - len(first)
            columns, row, positions = (
                [column.take(first) for column in columns],
                row.take(first),
                positions[first],
            )
        self._write(columns, positions, [row])

    def _write(self, columns: Sequence[pa.Array], positions: Offsets, row: list[pa.Array]) -> None:
        ids = np.arange(self._next, self._next + len(positions))
        self._next += len(positions)
        deciding = [
            pc.cast(_unquoted(columns[place]), self._schema.field(2 + number).type)
            for number, place in enumerate(self._deciding)
        ]
        arrays = [pa.array(ids), pa.array(positions, pa.int64()), *deciding, *row]
        self._file.write_batch(pa.record_batch(arrays, schema=self._schema))


class RowBatcher(TableBatcher):
    """Give the valid rows of a table to a writer, in place of lines for COPY and their hash."""

    def __init__(self, table: Table, writer: RowWriter) -> None:
        super().__init__(table)
        self._writer = writer

    def add_valid(
        self, batch: Batch, quoted: Sequence[pa.Array], positions: Offsets, bad: NDArray[np.bool_]
    ) -> None:
        """Add the rows that are not ``bad``, given by their canonical texts in the form of a row's text."""
        if bad.any():
            valid = pa.array(~bad)
            quoted, positions = [texts.filter(valid) for texts in quoted], positions[~bad]
        batch.rows += len(positions)
        if len(positions):
            self._writer.add(quoted, positions)

    def add_row(self, batch: Batch, texts: Texts, position: int) -> None:
        """Add one row."""
        batch.rows += 1
        self._writer.add_one(texts, position)


def _comparable(column: Column, quoted: pa.Array) -> pa.Array:
    """Texts in the form of a row's text, equal exactly for values that PostgreSQL holds equal."""
    kind = column.type
    if kind.name in _FLOATS:
        return pc.replace_with_mask(quoted, pc.fill_null(pc.equal(quoted, "-0"), False), pa.scalar("0"))
    if kind.name not in _INEXACT:
        return quoted
    encoded = _unquoted(quoted).dictionary_encode()
    equal = [kind.equality(kind.parse(text)) for text in encoded.dictionary.to_pylist()]
    if not equal:
        return quoted
    return quote_free_text(pa.array(equal, pa.string()).take(encoded.indices))


def _unquoted(quoted: pa.Array) -> pa.Array:
    """Texts without the quotes of a row's text."""
    has_quotes = pc.starts_with(quoted, '"')
    if not pc.any(has_quotes, min_count=0).as_py():
        return quoted
    inner = pc.utf8_slice_codeunits(quoted, 1, -1)
    bare = pc.replace_substring(pc.replace_substring(inner, '""', '"'), "\\\\", "\\")
    return pc.if_else(has_quotes, bare, quoted)


def _first_places(encoded: pa.DictionaryArray) -> NDArray[np.int64]:
    """The first place of each distinct value."""
    indices = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[indices[::-1]] = np.arange(len(indices) - 1, -1, -1)
    return first
