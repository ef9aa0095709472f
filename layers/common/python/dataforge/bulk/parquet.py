"""Write tables to Parquet and read them, as a stream in bounded memory, without loss.

PostgreSQL writes a table's rows by COPY, and Arrow reads the text by columns. The rows' hashes are computed from that text,
so they verify all later conversions. DuckDB, pandas and Athena can read the files: they contain only the table's columns.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataforge.bulk.row_hashes import digests, hash_total
from dataforge.bulk.row_texts import join_texts
from dataforge.formats.csv_columns import read_texts
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


CONTENT_TYPE = "application/vnd.apache.parquet"

CHUNK_BYTES = 2 << 20
"""Bytes of text that Arrow reads at a time."""
GROUP_BYTES = 16 << 20
"""Approximate size of a row group in memory. A writer needs several times this size."""
BATCH_ROWS = 1 << 15


@dataclass(frozen=True)
class Written:
    """A written file: number of rows, and the sum of their hashes modulo 2**64."""

    rows: int
    hash_total: int


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of the table, which determines the Parquet schema."""
    return pa.schema([pa.field(c.name, c.type.arrow(), c.nullable) for c in table.columns])


def copy_sql(table: Table, condition: Sql = Sql("true"), schema: str | None = None) -> Sql:
    """The COPY that ``write`` reads: the table's columns, of the rows that meet the condition."""
    rows = Sql("SELECT {} FROM {} WHERE {}").format(
        ddl.columns_sql(table), ddl.qualified(table, schema), condition
    )
    return Sql("COPY ({}) TO STDOUT (FORMAT csv)").format(rows)


def write(cursor: Cursor, table: Table, copy: str, file: IO[bytes] | io.RawIOBase) -> Written:
    """Write the rows of a ``copy_sql`` into an open file, as Parquet with zstd. The file is not closed.

    The same rows in the same order result in the same bytes. The row group and the largest row bound the memory.
    """
    # Few numbers in double precision recur, and no values of a key of one column: a dictionary of them takes more time
    # and space than the values.
    unique = table.key if len(table.key) == 1 else ()
    repeated = [c.name for c in table.columns if c.type.name != "double" and c.name not in unique]
    with pq.ParquetWriter(
        file, arrow_schema(table), compression="zstd", use_dictionary=repeated or False
    ) as writer:
        rows = _Rows(table, writer)
        with io.BufferedWriter(rows, CHUNK_BYTES) as text:
            cursor.copy_expert(copy, text)
        return rows.written()


class _Rows(io.RawIOBase):
    """File that receives the text of a COPY in pieces of any size and writes row groups."""

    def __init__(self, table: Table, writer: Any) -> None:
        super().__init__()
        self._schema = arrow_schema(table)
        self._types = {column.name: column.type for column in table.columns}
        self._writer = writer
        self._rest = b""
        self._batches: list[pa.Table] = []
        self._size = self._rows = self._hash_total = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Write a piece of the text. The bytes after the last whole row are buffered."""
        text = self._rest + bytes(data)
        end = end_of_rows(text)
        self._rest = text[end:]
        if end:
            self._add(read_texts(text[:end], self._schema.names, quoted_is_null=False))
        return len(data)

    def _add(self, texts: pa.Table) -> None:
        found = digests(join_texts(self._types, texts))
        self._hash_total += hash_total(found)
        self._rows += len(found)
        columns = [kind.from_texts(texts.column(name)) for name, kind in self._types.items()]
        rows = pa.table(columns, self._schema)
        self._size += rows.nbytes
        self._batches.append(rows)
        if self._size >= GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        group = pa.concat_tables(self._batches)
        self._writer.write_table(group, row_group_size=max(group.num_rows, 1))
        self._batches, self._size = [], 0

    def written(self) -> Written:
        """Write the buffered rows at the end of the text."""
        if self._rest:
            raise EOFError("The text of a COPY ended within a row.")
        if self._batches:
            self._write_group()
        return Written(self._rows, self._hash_total % 2**64)


def end_of_rows(text: bytes) -> int:
    """Offset of the end of the last whole row, after a line feed outside quotes. The text begins with a row."""
    end = text.rfind(b"\n")
    odd = text.count(b'"', 0, max(end, 0)) % 2
    while end >= 0 and odd:
        before = text.rfind(b"\n", 0, end)
        odd ^= text.count(b'"', max(before, 0), end) % 2
        end = before
    return end + 1


def read_batches(file: Any, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of a file, or of the bytes of one, in order, in batches within one row group, which bounds the memory.

    Raises ``pa.ArrowInvalid`` or ``OSError`` if it is not a Parquet file.
    """
    # A buffer is read without copies; pre_buffer would copy each row group.
    source = pa.BufferReader(file) if isinstance(file, bytes) else file
    with pq.ParquetFile(source, pre_buffer=False) as parquet:
        for group in range(parquet.num_row_groups):
            yield from parquet.iter_batches(rows, [group], use_threads=False)
