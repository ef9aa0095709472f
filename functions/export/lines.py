"""A table as NDJSON: each line is the row as the API delivers it, byte for byte, for the same SQL writes both."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dataforge.postgres.ddl import columns_sql, qualified
from dataforge.postgres.sql import Sql
from dataforge.records.row_json import copy_rows, undouble
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_PIECE = 1 << 20


class _Lines:
    """What COPY writes its rows to, one at a time; they go on in larger pieces."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file, self._buffer = file, bytearray()

    def write(self, row: bytes) -> None:
        """Take in a row with its line end."""
        self._buffer += row
        if len(self._buffer) >= _PIECE:
            self.flush()

    def flush(self) -> None:
        """Hand on what there is."""
        self._file.write(undouble(bytes(self._buffer)))
        self._buffer.clear()


def write_lines(cursor: Cursor, table: Table, file: io.RawIOBase) -> None:
    """Write all rows of the table, in no particular order, in bounded memory."""
    lines = _Lines(file)
    cursor.copy_expert(
        copy_rows(Sql("SELECT {} FROM {}").format(columns_sql(table), qualified(table)), table.column_names),
        lines,
    )
    lines.flush()
