"""Resolve a table: delete duplicates, orphans and conflicts from its shadow, and store the rejected rows.

The order of the rules is fixed. Identical rows count as one. A row without its parent is an orphan. Of different rows with
one key or unique value, the stored row wins, else the first in file order; a run that updates ignores the stored row with
the key. Then rows whose parent was a conflict are orphans. Tables that reference each other in a circle are resolved
together. Valid data costs nothing extra: the constraints are built first, and the rules only run if PostgreSQL refuses one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dataforge.errors import NoLongerKnown, WorkContinues
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.records.text_budget import USE
from dataforge.runs import leases
from dataforge.runs.step_names import MigrationStep
from dataforge.runs.unattended.work import Unattended
from dataforge.settings import RejectionLimits
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.choose import LEAST_BYTES, choose
from functions.migrate.resolve.circle import await_circle, resolved_already, unresolved_parents
from functions.migrate.resolve.located import located
from functions.migrate.resolve.prepare import prepare
from functions.migrate.resolve.reject import reject
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.resolve.unattended import resolve_unattended, resolves_unattended
from functions.migrate.run.again import resolve_again
from functions.migrate.run.ledger import Resolved, store_resolved
from functions.migrate.run.loaded import unloaded_chunks
from functions.migrate.run.migration import MERGE, Run, read_run
from functions.migrate.run.rejections.store import RejectionStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def resolve(
    db: Connection,
    s3: S3Client,
    limits: RejectionLimits,
    run_id: str,
    table_name: str,
    rebuild_from: int = LEAST_BYTES,
    how: Unattended | None = None,
) -> dict[str, Any]:
    """Resolve one table with its circle, and before it the parents in the run that are not resolved. Idempotent.

    Calls for tables of a run may work at the same time, in any order: one awaits what another works on, and first does
    what does not depend on it. The work on a table is one transaction, unless that may take longer than a function: then
    each statement is committed (``how``), and ``WorkContinues`` may be raised. ``rebuild_from``: the bytes of new rows from
    which filled tables are rebuilt.
    Returns the document that the ledger stores (``Resolved``): counts of the shadow's rows, and hashes.
    Raises ``NoLongerKnown``: a known parent was written, so the step "cut" and all after it must be repeated.
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        choose(cursor, run_id, rebuild_from)
    try:
        done = _resolve_circle(db, s3, limits, how, run_id, table_name)
    except NoLongerKnown:
        resolve_again(db, run_id, load_known=True)
        raise
    # The output is part of the execution's history, which must not hold values of rows.
    return done[table_name].model_dump(
        mode="json", exclude_none=True, exclude={"orphans", "state", "uncounted"}
    )


def _resolve_circle(
    db: Connection,
    s3: S3Client,
    limits: RejectionLimits,
    how: Unattended | None,
    run_id: str,
    table_name: str,
) -> dict[str, Resolved]:
    """Resolve the tables of the circle, after their parents, unless they are resolved, or known."""
    while True:
        with transaction(db, role=MIGRATION_RUN) as cursor:
            run = read_run(cursor, run_id)
            circle = run.circle(table_name)
            leases.hold(cursor, run.execution, run.dataset.name, [table.name for table in circle])
            found = await_circle(cursor, run, circle, how)
            if done := resolved_already(run, found):
                return done
            _require_loaded(cursor, run, table_name)
            parents = unresolved_parents(cursor, run, circle)
            unattended = how is not None and resolves_unattended(cursor, how, run, circle, found)
            if not (parents or unattended):
                return _resolve(cursor, s3, limits, run, circle, found)
            if not unattended:
                prepare(cursor, run, circle, found)
        if how is not None and not parents:
            return resolve_unattended(db, s3, limits, how, run, circle, found)
        for parent in parents:
            _resolve_circle(db, s3, limits, how, run_id, parent)


def _require_loaded(cursor: Cursor, run: Run, table_name: str) -> None:
    """Let the call be repeated if rows are loaded again: another call has ended these states by ``NoLongerKnown``.

    The run is then to be merged. A call that started late, or waits for parents, would otherwise resolve a shadow that is
    still empty.
    """
    if run.mode == MERGE and unloaded_chunks(cursor, run.id):
        raise WorkContinues(run.id, f"the load before {MigrationStep.RESOLVE} {table_name}")


def _resolve(
    cursor: Cursor,
    s3: S3Client,
    limits: RejectionLimits,
    run: Run,
    circle: Sequence[Table],
    before: Mapping[str, Resolved | None],
) -> dict[str, Resolved]:
    """Resolve the tables of a circle and store their documents."""
    found, used = {}, 0
    shadows = [RejectedRows(cursor, run, table) for table in circle]
    for resolution in reject(cursor, run, shadows, before):
        rejected = resolution.rejected
        table = rejected.table
        store = RejectionStore(cursor, s3, limits, run.id, table, "resolve")
        store.add(located(cursor, s3, run, rejected.positions(cursor)))
        uncounted = store.close()
        used += store.used
        rejected.close(cursor)
        found[table.name] = resolution.document(before[table.name], uncounted)
        store_resolved(cursor, run.id, table.name, found[table.name])
    if used:
        cursor.execute(USE, (run.dataset.name, used))
    return found
