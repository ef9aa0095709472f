"""Recognize transactions that were open at an earlier instant. Every role may see these; few may see snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


OPEN = Sql("""ARRAY(
    SELECT virtualxid FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'virtualxid' AND granted AND pid <> pg_backend_pid()
      AND datname = current_database() AND usesysid IS NOT NULL)""")
"""The SQL of the open transactions of other sessions of this database, except autovacuum, which has no user and returns no
rows."""


def open_transactions(cursor: Cursor) -> list[str]:
    """The transactions that are open in other sessions."""
    cursor.execute(Sql("SELECT {}").format(OPEN))
    return list(one_row(cursor)[0])


def any_open(cursor: Cursor, transactions: list[str]) -> bool:
    """Whether one of these transactions is still open."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND granted AND virtualxid = ANY(%s))",
        (transactions,),
    )
    return bool(one_row(cursor)[0])
