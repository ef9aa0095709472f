"""Building a shadow up to the table that it is to replace, while the table is in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg2
import psycopg2.errors

from dataforge import leases, shadow
from dataforge.database import Connection, transaction
from dataforge.errors import DamagedBackup, TargetRefuses, WouldOrphan
from dataforge.roles import OWNER
from functions.restore.run import read_run


def build(db: Connection, run_id: str, table_name: str) -> dict[str, str]:
    """Give the shadow its key, checks, indexes and comments, and foreign keys to other shadows; parents are built.

    Those to tables outside the restore wait for the switch: building them would hold up these tables' writers.
    One transaction; repeating it is harmless. Raises ``DamagedBackup``, ``WouldOrphan``, ``TargetRefuses``.
    """
    with refusals(), transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        table = run.dataset.table(table_name)
        leases.hold(cursor, run.execution, run.dataset.name, [table.name])
        cursor.execute(
            "SELECT FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'", (run.shadow(table),)
        )
        if cursor.fetchone() is not None:
            return {}
        cursor.execute(f"SET LOCAL maintenance_work_mem = '{SORT_MEMORY}'")
        if not shadow.add_key(cursor, table, run.id):
            raise DamagedBackup(run.backup_id, [f"rows of {table.name} have the same key"])
        inside = [key for key in table.foreign_keys if run.has(key.parent)]
        parents = [t.name for t in run.tables]
        if not shadow.add_foreign_keys(cursor, replace(table, foreign_keys=tuple(inside)), run.id, parents):
            names = ", ".join(key.name for key in inside)
            raise WouldOrphan([f"rows of {table.name} have no parent in the backup itself ({names})"])
        shadow.finish(cursor, table, run.id)
    return {}


SORT_MEMORY = "256MB"
"""What building an index may take; PostgreSQL's default of 64 MB sorts a million rows on disk."""


@contextmanager
def refusals() -> Iterator[None]:
    """A rule of the table that a restored row breaks, as ``TargetRefuses`` naming it; nothing was changed."""
    try:
        yield
    except psycopg2.errors.ForeignKeyViolation as error:
        raise WouldOrphan(
            [str(error.diag.message_detail or error.diag.message_primary).rstrip(".")]
        ) from error
    except (psycopg2.IntegrityError, psycopg2.errors.RaiseException) as error:
        where = f"{error.diag.schema_name}.{error.diag.table_name}: " if error.diag.table_name else ""
        raise TargetRefuses(f"{where}{error.diag.message_primary}. Nothing was restored.") from error
