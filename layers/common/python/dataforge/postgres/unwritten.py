"""Prove that no row of a table was inserted, changed or deleted since an earlier instant, by one scan.

Every version of a row carries the transaction that wrote it (``xmin``). At the earlier instant all rows were of transactions
that had ended, the oldest open one being ``before``. A later scan finds as many rows, all of transactions older than
``before``: such rows were visible at that instant, and none of them is missing. An update writes a new version, and so do
COPY, a restore and an ALTER TABLE that rewrites the table. Triggers, roles and statistics have no part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_HALF_CIRCLE = 2**31 - 10_000_001
"""``xmin`` has 32 bits. Beyond this distance between two instants a young row could look old."""

_IDENTITY = Sql("""
    SELECT pg_relation_size(c.oid), md5(concat_ws(' ', c.oid, (
        SELECT string_agg(concat_ws(' ', attnum, attname, atttypid, atttypmod, attcollation), ',' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)))
    FROM pg_class c JOIN pg_am a ON a.oid = c.relam
    WHERE c.oid = to_regclass({}) AND c.relkind = 'r' AND amname = 'heap'
    AND NOT EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
""")
"""The table and its columns: another table can take its name, and a column with a default can replace another, without a
new version of a row. No row for a table whose rows may be those of others."""

_OLDER = Sql("count(*) FILTER (WHERE age(xmin) > age({}::text::xid8::xid))")

_COUNT_UNWRITTEN = Sql("""
    SELECT CASE WHEN EXISTS (SELECT FROM ({identity}) found (size, identity) WHERE size <= {size} AND identity = {same})
        AND count(*) = {older} AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint - {before} BETWEEN 0 AND {most}
        THEN count(*) ELSE -1 END FROM {table}
""")


class State(BaseModel):
    """A table at one instant: its identity, the oldest transaction that was open, and the number of rows, all older.

    ``size``: its bytes, which only a write increases.
    """

    model_config = ConfigDict(frozen=True)

    identity: str
    before: int
    rows: int
    size: int = 0


def state_with(cursor: Cursor, table: Table, rows: int) -> State | None:
    """The present state of a table of which the number of rows is known, without a scan.

    Rows that are younger than an open transaction are not recognized later.
    """
    size, identity = _identity(cursor, table)
    if not identity:
        return None
    return State(identity=identity, before=_oldest_open(cursor), rows=rows, size=size)


def observe(cursor: Cursor, table: Table) -> State | None:
    """The table's present state. None if it cannot be recognized later: an open transaction is older than one of its rows.

    A statement that reads the table after this call reads this state, if ``is_unwritten`` holds later.
    """
    size, identity = _identity(cursor, table)
    if not identity:
        return None
    before = _oldest_open(cursor)
    cursor.execute(Sql("SELECT count(*), {} FROM {}").format(_OLDER.format(before), ddl.qualified(table)))
    rows, older = one_row(cursor)
    if rows != older:
        return None
    return State(identity=identity, before=before, rows=rows, size=size)


def is_unwritten(cursor: Cursor, table: Table, state: State) -> bool:
    """Whether the table has the rows of this state, no more and no less. A table that has grown is not scanned."""
    size, identity = _identity(cursor, table)
    if identity != state.identity or size > state.size:
        return False
    cursor.execute(count_unwritten(table, state))
    return bool(one_row(cursor)[0] == state.rows)


def count_unwritten(table: Table, state: State) -> Sql:
    """The query that counts the table's rows if none of them was written since this state; else its result is -1."""
    return _COUNT_UNWRITTEN.format(
        identity=_identity_sql(table),
        size=state.size,
        same=literal(state.identity),
        older=_OLDER.format(state.before),
        before=state.before,
        most=_HALF_CIRCLE,
        table=ddl.qualified(table),
    )


def _oldest_open(cursor: Cursor) -> int:
    cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return int(one_row(cursor)[0])


def _identity(cursor: Cursor, table: Table) -> tuple[int, str]:
    """The table's size and identity; (0, "") if its rows may be those of others."""
    cursor.execute(_identity_sql(table))
    return cursor.fetchone() or (0, "")


def _identity_sql(table: Table) -> Sql:
    return _IDENTITY.format(literal(ddl.qualified(table)))
