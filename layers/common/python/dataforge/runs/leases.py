"""Leases: at a time, one run may write a whole table, and one may back it up.

A lease is a row with the ARN of the execution that has it. A run that needs the lease of an execution which has ended
closes that execution's run first, and an EventBridge rule releases the leases of stopped executions.
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
"""The scope of backups, which exclude only each other."""


def take(cursor: Cursor, scope: str, execution: str, dataset: str, tables: Iterable[str]) -> str:
    """Take the tables' leases of the scope for ``execution``. Returns "", or the ARN of an execution that has one of them.

    Then the caller rolls back, because some leases may be taken. Idempotent.
    """
    for table in sorted(tables):
        holder = None
        # None: the lease was released between the two statements.
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
    """Lock the execution's leases on the tables until the transaction ends. Raises ``LeaseLost`` if it has lost one."""
    cursor.execute(
        'SELECT "table" FROM dataforge.leases WHERE execution = %s AND dataset = %s FOR SHARE',
        (execution, dataset),
    )
    lost = set(tables) - {name for (name,) in cursor.fetchall()}
    if lost:
        raise LeaseLost(f"The run was stopped and no longer has the lease of: {', '.join(sorted(lost))}.")


def release(cursor: Cursor, execution: str) -> None:
    """Release every lease of the execution."""
    cursor.execute("DELETE FROM dataforge.leases WHERE execution = %s", (execution,))
