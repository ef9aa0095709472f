"""Read a page of a table by keyset: its cost does not depend on its position, and changed rows do not shift others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataforge.errors import RowTooLarge
from dataforge.http.cursors import make_cursor, read_cursor, wrong_version
from dataforge.http.sizes import ANSWER_BYTES, leading
from dataforge.postgres.cursor_keys import LedgerKeys
from dataforge.postgres.ddl import qualified
from dataforge.postgres.sql import Sql, ident
from dataforge.records.row_json import copy_rows, undouble
from functions.deliver.records.order import POSITION, After, Order, RowOrder, order_of, terms_of
from functions.deliver.records.query import RecordQuery

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


PAGE_BYTES = 2_900_000
"""Bytes to read for a page. A page ends earlier if escaping would make it larger than Lambda can return."""


@dataclass(frozen=True)
class Page:
    """Rows as JSON documents, each with a newline, and the cursor of the next page (None for the last page).

    ``digest``: of all rows that were read, which may be one more than the page has.
    """

    lines: bytes
    next_cursor: str | None
    digest: bytes


class _Sink:
    """The target of COPY: stores rows of up to ``limit`` bytes, or one that fits into a response, and drops the rest."""

    def __init__(self, limit: int) -> None:
        self.rows: list[bytes] = []
        self.full = False
        self._limit, self._size = limit, 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> bytes:
        """The hash of all rows, made while PostgreSQL makes the next ones."""
        return self._hash.digest()

    def write(self, data: bytes) -> None:
        """Store one row, which ends with a newline: psycopg2 calls this once for each."""
        self.rows.append(data)
        self._hash.update(data)
        self._size += len(data)
        if self._size > self._limit:
            self._drop_last()

    def _drop_last(self) -> None:
        if len(self.rows) > 1 or self._size > ANSWER_BYTES:
            self.rows.pop()
            self.full, self._size = True, ANSWER_BYTES


def read_page(cursor: Cursor, query: RecordQuery) -> Page:
    """Read the page. Raises ``InvalidRequest`` for a cursor of another query, and ``RowTooLarge``."""
    order = order_of(query.table)
    names = tuple(order.terms)
    beside = () if set(names) <= set(query.columns) else names
    keys = LedgerKeys(cursor, "deliver")
    before = None if query.cursor is None else read_cursor(keys, query.scope, query.cursor, POSITION)
    sink = _Sink(PAGE_BYTES)
    cursor.copy_expert(_statement(cursor, query, order, _after(order, before), beside), sink)
    lines, count = _fitting(sink.rows[: query.limit])
    more = sink.full or len(sink.rows) > count
    if not count and more:
        raise RowTooLarge
    position = _position(order, lines, names, bool(beside), before) if more else None
    if beside:
        lines = b"".join(row[: row.rindex(b"\t")] + b"\n" for row in lines.splitlines())
    return Page(lines, make_cursor(keys, query.scope, position) if more else None, sink.digest)


def _fitting(copied: Sequence[bytes]) -> tuple[bytes, int]:
    """The leading rows that fit into an answer, and their number."""
    lines = undouble(b"".join(copied))
    if leading([lines]):
        return lines, len(copied)
    rows = lines.splitlines(keepends=True)
    count = leading(rows)
    return b"".join(rows[:count]), count


def _after(order: Order, position: list[str] | None) -> After | None:
    if position is None:
        return None
    try:
        return order.after(position)
    except ValueError:
        raise wrong_version() from None


def _position(
    order: Order, lines: bytes, names: Sequence[str], beside: bool, before: list[str] | None
) -> list[str]:
    """The position after the rows. Only without a key do all of them count, for the number of copies."""
    begin = 0 if isinstance(order, RowOrder) else lines.rfind(b"\n", 0, -1) + 1
    rows = lines[begin:].splitlines()
    return order.position([terms_of(row, names, beside=beside) for row in rows], before)


def _statement(
    cursor: Cursor, query: RecordQuery, order: Order, after: After | None, beside: tuple[str, ...]
) -> str:
    """Selects one row more than the page has, which shows whether there is another page."""
    conditions: list[tuple[Sql, Sequence[Any]]] = [(found.sql, found.values) for found in query.filters]
    if after is not None:
        conditions.append((after.condition, after.values))
    where = Sql(" AND ").join(sql for sql, _ in conditions)
    columns = {name: ident(name) for name in query.columns}
    needed = columns | {name: order.terms[name] for name in beside}
    rows = Sql("SELECT {} FROM {} {} ORDER BY {} LIMIT %s OFFSET {}").format(
        Sql(", ").join(Sql("{} AS {}").format(sql, ident(name)) for name, sql in needed.items()),
        qualified(query.table),
        Sql("WHERE {}").format(where) if where else Sql(""),
        Sql(", ").join(order.terms.values()),
        after.skipped if after else 0,
    )
    values = [value for _, values in conditions for value in values]
    return str(cursor.mogrify(copy_rows(rows, query.columns, beside), [*values, query.limit + 1]).decode())
