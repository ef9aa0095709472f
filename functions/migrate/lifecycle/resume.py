"""Resuming: what an ended run leaves for a later execution to go on with, and when it is thrown away."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dataforge.errors import InvalidInput, NoSuchRun
from dataforge.postgres import shadow
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.runs import leases
from dataforge.runs.lifecycle import RunKind, resume_run
from functions.migrate.run.ledger import LOADED

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


KEPT_DAYS = 7
"""How long an ended run's shadows are kept at most, counted when the next run begins."""

LATEST = "latest"


def worth_resuming(cursor: Cursor, run_id: str) -> bool:
    """Whether chunks are loaded that a later execution need not load again.

    Too low a quality would be so again, and on a full disk others need the room more.
    """
    cursor.execute(
        Sql(
            "SELECT status NOT IN ('running', 'published') AND coalesce(error, '') NOT IN ('QualityTooLow', 'DiskFull')"
            " AND {} FROM dataforge.migrations m WHERE migration_id = %s"
        ).format(LOADED),
        (run_id,),
    )
    return bool(one_row(cursor)[0])


def _drop_shadows(cursor: Cursor, run_id: str) -> None:
    """Drop the shadows of a closed run, unless a later execution can resume from them."""
    if not worth_resuming(cursor, run_id):
        shadow.drop(cursor, run_id)


MIGRATIONS = RunKind(
    table="migrations",
    id_column="migration_id",
    scope=leases.WRITE,
    role=OWNER,
    clean_up=_drop_shadows,
    items="migration_chunks",
    item_key=("chunk",),
)


def to_resume(cursor: Cursor, wanted: str, execution: str, dataset: str) -> str:
    """The id of the run that is meant: ``latest`` is the dataset's newest that ended unpublished."""
    if wanted != LATEST:
        return wanted
    cursor.execute(
        "SELECT migration_id FROM dataforge.migrations WHERE dataset = %s"
        " AND (execution = %s OR status NOT IN ('running', 'published'))"
        " ORDER BY execution = %s DESC, started_at DESC LIMIT 1",
        (dataset, execution, execution),
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"failed or stopped migration of {dataset!r} to resume")
    return str(row[0])


def resume(cursor: Cursor, run_id: str, execution: str, threshold: Decimal | None) -> None:
    """Go on with the run in this execution, which has its leases, with another quality threshold if one is given.

    Repeating it is harmless. Raises ``InvalidInput`` if the run is published, or what it had loaded is no longer there.
    """
    cursor.execute(
        "SELECT status, execution, to_regnamespace(%s) IS NOT NULL FROM dataforge.migrations WHERE migration_id = %s",
        (shadow.schema_of(run_id), run_id),
    )
    status, owner, kept = one_row(cursor)
    if (status, owner) == ("running", execution):
        return
    if status in ("running", "published") or not kept:
        reason = f"it is {status}" if status in ("running", "published") else "nothing that it loaded is left"
        raise InvalidInput(f"Migration {run_id} cannot be resumed: {reason}.", hint="Start a new migration.")
    resume_run(cursor, MIGRATIONS, run_id, execution)
    if threshold is not None:
        cursor.execute(
            "UPDATE dataforge.migrations SET quality_threshold = %s WHERE migration_id = %s",
            (threshold, run_id),
        )


def drop_leftovers(cursor: Cursor, dataset: str, tables: list[str]) -> None:
    """Drop the shadows of ended runs on any of these tables, which a new run replaces, and of all that ended long ago."""
    cursor.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'shadow_')")
    there = {name for (name,) in cursor.fetchall()}
    if not there:
        return
    cursor.execute(
        "SELECT migration_id FROM dataforge.migrations WHERE status <> 'running'"
        " AND (dataset = %s AND tables && %s::text[] OR finished_at < now() - make_interval(days => %s))",
        (dataset, tables, KEPT_DAYS),
    )
    for (run_id,) in cursor.fetchall():
        if shadow.schema_of(run_id) in there:
            shadow.drop(cursor, run_id)
