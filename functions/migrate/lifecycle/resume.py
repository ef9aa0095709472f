"""Resume a run that ended unpublished, and drop shadows that no execution will resume."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dataforge.defaults import SHADOW_DAYS
from dataforge.errors import InvalidInput, NoSuchRun
from dataforge.postgres import shadow
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.runs import leases
from dataforge.runs.ids import LATEST
from dataforge.runs.lifecycle import RunKind, resume_run
from functions.migrate.run.ledger import LOADED

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def worth_resuming(cursor: Cursor, run_id: str) -> bool:
    """Whether the closed run has loaded chunks that a later execution can use.

    After ``QualityTooLow``, resuming would fail again; after ``DiskFull``, other runs need the space.
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
    role=MIGRATION_RUN,
    clean_up=_drop_shadows,
    items="migration_chunks",
    item_key=("chunk",),
)


def to_resume(cursor: Cursor, resume: str, execution: str, dataset: str) -> str:
    """The id of the run to resume: ``latest`` is the dataset's newest run that ended unpublished."""
    if resume != LATEST:
        return resume
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
    """Continue the run in this execution, which has its leases, optionally with another quality threshold.

    Idempotent. Raises ``InvalidInput`` if the run is published or running, or its shadows were dropped.
    """
    cursor.execute(
        "SELECT status, execution, to_regnamespace(%s) IS NOT NULL FROM dataforge.migrations WHERE migration_id = %s",
        (shadow.schema_of(run_id), run_id),
    )
    status, owner, has_shadows = one_row(cursor)
    if (status, owner) == ("running", execution):
        return
    if status in ("running", "published"):
        raise _not_resumable(run_id, f"it is {status}")
    if not has_shadows:
        raise _not_resumable(run_id, "the rows that it loaded were deleted")
    resume_run(cursor, MIGRATIONS, run_id, execution)
    if threshold is not None:
        cursor.execute(
            "UPDATE dataforge.migrations SET quality_threshold = %s WHERE migration_id = %s",
            (threshold, run_id),
        )


def _not_resumable(run_id: str, reason: str) -> InvalidInput:
    return InvalidInput(f"Migration {run_id} cannot be resumed: {reason}.", hint="Start a new migration.")


def drop_leftovers(cursor: Cursor, dataset: str, tables: list[str]) -> None:
    """Drop the shadows of ended runs on any of these tables, and of runs that ended more than ``SHADOW_DAYS`` ago."""
    cursor.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (shadow.PREFIX,))
    schemas = {name for (name,) in cursor.fetchall()}
    if not schemas:
        return
    cursor.execute(
        "SELECT migration_id FROM dataforge.migrations WHERE status <> 'running'"
        " AND (dataset = %s AND tables && %s::text[] OR finished_at < now() - make_interval(days => %s))",
        (dataset, tables, SHADOW_DAYS),
    )
    for (run_id,) in cursor.fetchall():
        if shadow.schema_of(run_id) in schemas:
            shadow.drop(cursor, run_id)
