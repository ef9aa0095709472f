"""The locks with which a restore changes tables: which tables, and how long it waits."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.errors import Busy
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql
from functions.restore.references import Child, parents
from functions.restore.run import Run

WRITERS_MS = 5_000
"""How long a restore waits for writers of the tables. Later writers queue behind it meanwhile."""
READERS_MS = 900
"""How long a restore waits for readers, while later readers queue behind it. Less than PostgreSQL's deadlock_timeout: if a
reader starts to write and both wait for each other, it is the restore that fails."""


def restored(run: Run) -> set[Sql]:
    """The tables of the restore."""
    return {ddl.qualified(table) for table in run.tables}


def related(run: Run, others: Iterable[Child], *, swap: bool) -> set[Sql]:
    """The tables whose writers could break a foreign key: children (``others``), and to swap also parents."""
    relations = {child.relation for child in others if child.lockable}
    if swap:
        relations |= {ddl.qualified(run.dataset.table(key.parent)) for _, key in parents(run)}
    return relations


def time_limit(milliseconds: int) -> Sql:
    """The statement that limits the wait for later locks of the transaction."""
    return Sql("SET LOCAL lock_timeout = {}").format(milliseconds)


def lock_statement(relations: Iterable[Sql], mode: Sql) -> Sql:
    """The statement that locks the tables, in the same order each time."""
    return Sql("LOCK TABLE {} IN {} MODE").format(Sql(", ").join(sorted(relations)), mode)


def held_by_others(tables: str) -> Busy:
    """The error for tables that others have locked for too long."""
    return Busy(
        f"Other transactions hold locks on {tables} for longer than a restore waits. Nothing was changed.",
        hint="Restore again when they have ended; pg_locks and pg_stat_activity show them.",
    )
