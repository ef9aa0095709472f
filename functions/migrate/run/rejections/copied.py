"""Read rows of the ledger by COPY: a cursor takes longer, and makes a Python object of every field."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Fields = list[bytes]
"""The texts of a row's values; NULL is empty."""

_AT_ONCE = 1 << 18
"""Bytes of rows that are in memory, unless one row is larger."""

_COPY = Sql("COPY ({}) TO STDOUT (FORMAT csv, DELIMITER e'\\x02', QUOTE e'\\x01')")
_DELIMITER = b"\2"


class _Rows:
    """A file to which psycopg2 writes one row at a time."""

    def __init__(self, take: Callable[[list[Fields]], None]) -> None:
        self._take = take
        self._rows: list[Fields] = []
        self._size = 0

    def write(self, row: bytes) -> None:
        """Add a row with its line end."""
        self._rows.append(row[:-1].split(_DELIMITER))
        self._size += len(row)
        if self._size >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Pass on the rows."""
        rows, self._rows, self._size = self._rows, [], 0
        if rows:
            self._take(rows)


def copy_rows_out(cursor: Cursor, query: Sql, take: Callable[[list[Fields]], None]) -> None:
    """Pass the rows of the query to ``take``, some at a time.

    No value may have a control character: the texts of numbers and times have none, and PostgreSQL escapes those of JSON.
    """
    rows = _Rows(take)
    cursor.copy_expert(_COPY.format(query), rows)
    rows.flush()
