"""Leases: one run at a time may write a table as a whole, and one may back it up.

A lease is a row with the execution's ARN. The state machine checks a holder's real state before it takes a lease over, and
an EventBridge rule releases what a stopped run left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import LeaseLost

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


WRITE = "write"
"""The scope of migrations and restores, which exclude each other."""
BACKUP = "backup"
"""The scope of backups, which exclude only one another."""


def take(cursor: Cursor, scope: str, execution: str, dataset: str, tables: Iterable[str]) -> str:
    """Take the tables' leases of the scope for ``execution``; returns "" or, if another has one of them, that one's ARN.

    On a refusal the caller rolls back, so that none is held. Repeating it is harmless.
    """
    for table in sorted(tables):
        holder = None
        # None: its holder gave it back between the two statements.
        while holder is None:
            cursor.execute(
                'INSERT INTO dataforge.leases (dataset, "table", scope, execution) VALUES (%s, %s, %s, %s)'
                ' ON CONFLICT (dataset, "table", scope) DO NOTHING',
                (dataset, table, scope, execution),
            )
            cursor.execute(
                'SELECT execution FROM dataforge.leases WHERE dataset = %s AND "table" = %s AND scope = %s',
                (dataset, table, scope),
            )
            holder = cursor.fetchone()
        if holder[0] != execution:
            return str(holder[0])
    return ""


def hold(cursor: Cursor, execution: str, dataset: str, tables: Iterable[str]) -> None:
    """Make sure, until the transaction ends, that the execution still has the tables' leases. Raises ``LeaseLost``."""
    cursor.execute(
        'SELECT "table" FROM dataforge.leases WHERE execution = %s AND dataset = %s FOR SHARE',
        (execution, dataset),
    )
    lost = set(tables) - {name for (name,) in cursor.fetchall()}
    if lost:
        raise LeaseLost(f"The run was stopped and no longer has the lease of: {', '.join(sorted(lost))}.")


def release(cursor: Cursor, execution: str) -> None:
    """Give back every lease of the execution."""
    cursor.execute("DELETE FROM dataforge.leases WHERE execution = %s", (execution,))
