"""Leases: at a time, one run may write a whole table, and one may back it up.

A lease is a row with the ARN of the execution that has it. A run that needs the lease of an execution which has ended
closes that execution's run first, and an EventBridge rule releases the leases of stopped executions.
Each scope has a view, and a role may write the leases of one scope only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import LeaseLost
from dataforge.postgres.sql import Sql, ident, literal

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
                Sql(
                    'INSERT INTO {} (dataset, "table", scope, execution) VALUES (%s, %s, %s, %s)'
                    ' ON CONFLICT (dataset, "table", scope) DO NOTHING'
                ).format(_of(scope)),
                (dataset, table, scope, execution),
            )
            cursor.execute(
                Sql('SELECT execution FROM {} WHERE dataset = %s AND "table" = %s').format(_of(scope)),
                (dataset, table),
            )
            holder = cursor.fetchone()
        if holder[0] != execution:
            return str(holder[0])
    return ""


def hold(cursor: Cursor, execution: str, dataset: str, tables: Iterable[str]) -> None:
    """Lock the execution's leases of the scope ``WRITE`` until the transaction ends.

    Raises ``LeaseLost`` if it has lost one.
    """
    cursor.execute(
        Sql('SELECT "table" FROM {} WHERE execution = %s AND dataset = %s FOR SHARE').format(_of(WRITE)),
        (execution, dataset),
    )
    lost = set(tables) - {name for (name,) in cursor.fetchall()}
    if lost:
        raise LeaseLost(f"The run was stopped and no longer has the lease of: {', '.join(sorted(lost))}.")


def held(execution: str, dataset: str, tables: Iterable[str]) -> Sql:
    """The statement that locks these leases of the scope ``WRITE``, and gives a row for each that the execution has."""
    return Sql(
        'SELECT FROM {} WHERE execution = {} AND dataset = {} AND "table" = ANY (ARRAY[{}]::text[]) FOR SHARE'
    ).format(_of(WRITE), literal(execution), literal(dataset), Sql(", ").join(map(literal, tables)))


def release(cursor: Cursor, scope: str, execution: str) -> None:
    """Release every lease of the execution in the scope."""
    cursor.execute(Sql("DELETE FROM {} WHERE execution = %s").format(_of(scope)), (execution,))


def _of(scope: str) -> Sql:
    """The view of the scope's leases."""
    return Sql("dataforge.{}").format(ident(f"{scope}_leases"))
