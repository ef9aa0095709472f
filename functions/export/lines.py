"""Write a table as NDJSON. Each line equals the row in the API's response, because the same SQL writes both."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dataforge.postgres.ddl import columns_sql, qualified
from dataforge.postgres.sql import Sql
from dataforge.records.row_json import copy_rows, undouble
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_BUFFER_BYTES = 1 << 20


class _Lines:
    """The target of COPY, which writes single rows. They are buffered."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file, self._buffer = file, bytearray()

    def write(self, row: bytes) -> None:
        """Buffer a row with its line end."""
        self._buffer += row
        if len(self._buffer) >= _BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the buffer."""
        self._file.write(undouble(bytes(self._buffer)))
        self._buffer.clear()


def write_lines(cursor: Cursor, table: Table, file: io.RawIOBase, condition: Sql = Sql("true")) -> None:
    """Write the rows of the table that meet the condition, in any order, with bounded memory."""
    lines = _Lines(file)
    rows = Sql("SELECT {} FROM {} WHERE {}").format(columns_sql(table), qualified(table), condition)
    cursor.copy_expert(copy_rows(rows, table.column_names), lines)
    lines.flush()
