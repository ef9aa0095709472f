"""Read a page of a table by keyset: its cost does not depend on its position, and changed rows do not shift others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataforge.errors import InvalidRequest, RowTooLarge
from dataforge.http.cursors import make_cursor, read_cursor
from dataforge.http.sizes import ANSWER_BYTES, leading
from dataforge.postgres.ddl import qualified
from dataforge.postgres.sql import Sql, ident
from dataforge.records.row_json import copy_rows, undouble
from functions.deliver.records.query import RecordQuery
from functions.deliver.records.values import read_value, sql_type

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


PAGE_BYTES = 2_900_000
"""Bytes to read for a page. A page ends earlier if escaping would make it larger than Lambda can return."""


@dataclass(frozen=True)
class Page:
    """Rows as JSON documents, and the cursor of the next page (None for the last page)."""

    rows: list[bytes]
    next_cursor: str | None


class _Sink:
    """The target of COPY: stores up to ``limit`` bytes, or one row that fits into a response, and drops the rest."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.full = False
        self._limit = limit

    def write(self, data: bytes) -> None:
        """Store one row: psycopg2 calls this once for each."""
        limit = self._limit if self.data else ANSWER_BYTES
        if self.full or len(self.data) + len(data) > limit:
            self.full = True
        else:
            self.data += data


def read_page(cursor: Cursor, query: RecordQuery) -> Page:
    """Read the page. Raises ``InvalidRequest`` for a cursor of another query, and ``RowTooLarge``."""
    key = query.table.key
    beside = () if set(key) <= set(query.columns) else key
    sink = _Sink(PAGE_BYTES)
    cursor.copy_expert(_statement(cursor, query, beside), sink)
    lines = undouble(bytes(sink.data)).split(b"\n")[:-1]
    wanted = lines[: query.limit]
    rows = wanted[: leading(wanted)]
    more = sink.full or len(lines) > len(rows)
    if not rows and more:
        raise RowTooLarge
    position = _position(rows[-1], key, bool(beside)) if more else None
    if beside:
        rows = [row[: row.rindex(b"\t")] for row in rows]
    return Page(rows, make_cursor(query.scope, position) if more else None)


def _statement(cursor: Cursor, query: RecordQuery, beside: tuple[str, ...]) -> str:
    """Selects one row more than the page has, which shows whether there is another page."""
    table = query.table
    conditions: list[tuple[Sql, Sequence[Any]]] = [(found.sql, found.values) for found in query.filters]
    if query.cursor is not None:
        conditions.append(_after(query))
    where = Sql(" AND ").join(sql for sql, _ in conditions)
    order = Sql(", ").join(map(ident, table.key))
    needed = Sql(", ").join(map(ident, dict.fromkeys((*query.columns, *beside))))
    rows = Sql("SELECT {} FROM {} {} ORDER BY {} LIMIT %s").format(
        needed, qualified(table), Sql("WHERE {}").format(where) if where else Sql(""), order
    )
    values = [value for _, values in conditions for value in values]
    return str(cursor.mogrify(copy_rows(rows, query.columns, beside), [*values, query.limit + 1]).decode())


def _after(query: RecordQuery) -> tuple[Sql, list[str]]:
    """The condition that a row follows the cursor's position in key order."""
    columns = [query.table.by_name[name] for name in query.table.key]
    position = read_cursor(query.scope, query.cursor or "")
    try:
        values = [read_value(c, text) for c, text in zip(columns, position, strict=True)]
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            "The cursor belongs to another version of the table.", hint="Start without a cursor."
        ) from error
    names, placeholders = (
        Sql(", ").join(map(ident, query.table.key)),
        Sql(", ").join(Sql("%s::{}").format(sql_type(column)) for column in columns),
    )
    return Sql("({}) > ({})").format(names, placeholders), values


def _position(row: bytes, key: tuple[str, ...], beside: bool) -> list[str]:
    """The key of a row, as texts: from its JSON, or from the array beside it."""
    numbers: dict[str, Any] = {"parse_float": str, "parse_int": str}
    if beside:
        values = json.loads(row[row.rindex(b"\t") + 1 :], **numbers)
    else:
        document = json.loads(row, **numbers)
        values = [document[name] for name in key]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
