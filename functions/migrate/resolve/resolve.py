"""Resolve a table: delete duplicates, orphans and conflicts from its shadow, and store the rejected rows.

The order of the rules is fixed. Identical rows count as one. A row without its parent is an orphan. Of different rows with
one key or unique value, the stored row wins, else the first in file order; a run that updates ignores the stored row with
the key. Then rows whose parent was a conflict are orphans. Tables that reference each other in a circle are resolved
together. Valid data costs nothing extra: the constraints are built first, and the rules only run if PostgreSQL refuses one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psycopg2.errors

from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.sql import Sql
from dataforge.postgres.unwritten import State
from dataforge.records.text_budget import USE
from dataforge.runs import leases
from dataforge.settings import RejectionLimits
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.compare import Comparison, compare, count_rows
from functions.migrate.resolve.conflicts import remove_conflicts, remove_stored_conflicts
from functions.migrate.resolve.duplicates import remove_duplicates
from functions.migrate.resolve.locate import locate
from functions.migrate.resolve.orphans import remove_orphans
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.declared import no_longer_fits, require_columns
from functions.migrate.run.ledger import Resolved, RowsByFile, read_resolved, store_resolved
from functions.migrate.run.migration import Run, read_run
from functions.migrate.run.rejections.store import RejectionStore
from functions.migrate.run.rejections.uncounted import Uncounted
from functions.migrate.run.whole_tables import allow_memory, state_if_compared_whole

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def resolve(
    db: Connection, s3: S3Client, limits: RejectionLimits, run_id: str, table_name: str
) -> dict[str, Any]:
    """Resolve one table with its circle, in one transaction. The parents in the run must be resolved. Idempotent.

    Returns the document that the ledger stores (``Resolved``): counts of the shadow's rows, and hashes.
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        circle = run.circle(table_name)
        leases.hold(cursor, run.execution, run.dataset.name, [table.name for table in circle])
        found = {table.name: read_resolved(cursor, run_id, table.name, lock=True) for table in circle}
        done = {name: resolved for name, resolved in found.items() if resolved and resolved.mode == run.mode}
        if len(done) < len(circle):
            done = _resolve(cursor, s3, limits, run, circle, found)
    # The output is part of the execution's history, which must not hold values of rows.
    return done[table_name].model_dump(
        mode="json", exclude_none=True, exclude={"orphans", "state", "uncounted"}
    )


def _resolve(
    cursor: Cursor,
    s3: S3Client,
    limits: RejectionLimits,
    run: Run,
    circle: Sequence[Table],
    before: Mapping[str, Resolved | None],
) -> dict[str, Resolved]:
    """Resolve the tables of a circle and store their documents."""
    require_columns(cursor, run.id, run.tables)
    shadows = [RejectedRows(cursor, run, table) for table in circle]
    allow_memory(cursor)
    if run.mode == "swap":
        _build(cursor, run, shadows)
        compared = [count_rows(cursor, run, table) for table in circle]
        states: list[State | None] = [None] * len(circle)
    else:
        states = [state_if_compared_whole(cursor, run, table) for table in circle]
        compared = _remove_all(cursor, run, shadows)
    found, used = {}, 0
    for rejected, comparison, state in zip(shadows, compared, states, strict=True):
        table = rejected.table
        store = RejectionStore(cursor, s3, limits, run.id, table, "resolve")
        store.add(locate(cursor, s3, run, rejected.positions()))
        uncounted = store.close()
        used += store.used
        rejected.close()
        resolved = _result(run, rejected, comparison, before[table.name])
        resolved = resolved.model_copy(update={"state": state})
        found[table.name] = _with_uncounted(resolved, before[table.name], uncounted)
        store_resolved(cursor, run.id, table.name, found[table.name])
    if used:
        cursor.execute(USE, (run.dataset.name, used))
    return found


def _result(run: Run, rejected: RejectedRows, compared: Comparison, before: Resolved | None) -> Resolved:
    """The counts, including the rows that were deleted when the table was resolved before."""
    earlier = before.files if before else RowsByFile()
    files = RowsByFile(
        rows=compared.rows,
        unchanged=compared.unchanged,
        deduplicated=rejected.deduplicated + Counter(earlier.deduplicated),
        rejected=rejected.rejected + Counter(earlier.rejected),
    )
    return Resolved(
        mode=run.mode,
        again=before.again if before else 0,
        rows=compared.rows.total(),
        unchanged=compared.unchanged.total(),
        deduplicated=sum(files.deduplicated.values()),
        rejected=sum(files.rejected.values()),
        updated=compared.differing,
        files=files,
        hash_total=compared.hash_total,
        removed_hash_total=((before.removed_hash_total if before else 0) + rejected.hash_total) % 2**64,
    )


def _with_uncounted(resolved: Resolved, before: Resolved | None, uncounted: Uncounted | None) -> Resolved:
    earlier = before.uncounted if before else None
    found = [some for some in (earlier, uncounted) if some]
    return resolved.model_copy(update={"uncounted": sum(found, Uncounted()) if found else None})


def _build(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> None:
    """Build the constraints and indexes of the shadows, which are to replace the tables."""
    unkeyed = [r for r in circle if r.table.keyed_by_row or not shadow.add_keys(cursor, r.table, run.id)]
    for rejected in unkeyed:
        remove_duplicates(run, rejected)
    if unkeyed:
        remove_orphans(run, circle)
    for rejected in unkeyed:
        remove_conflicts(run, rejected)
        if not shadow.add_keys(cursor, rejected.table, run.id):
            raise RuntimeError(
                f"{run.shadow(rejected.table)} has several rows of one key after conflicts were deleted"
            )
    if not _add_foreign_keys(cursor, run, circle):
        remove_orphans(run, circle)
        _add_foreign_keys(cursor, run, circle)
    for rejected in circle:
        try:
            shadow.finish(cursor, rejected.table, run.id)
        except psycopg2.errors.CheckViolation as error:
            reason = f"rows contradict {error.diag.constraint_name}"
            raise no_longer_fits(run.id, rejected.table, reason) from None


def _add_foreign_keys(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> bool:
    """Add the foreign keys of all shadows or of none."""
    in_run = [table.name for table in run.tables]
    if all(shadow.add_foreign_keys(cursor, rejected.table, run.id, in_run) for rejected in circle):
        return True
    for rejected in circle:
        shadow.drop_foreign_keys(cursor, rejected.table, run.id)
    return False


def _remove_all(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> list[Comparison]:
    """Remove from the shadows what cannot be merged into the tables."""
    for rejected in circle:
        _analyze(cursor, run, rejected.table)
        remove_duplicates(run, rejected)
    compared = [compare(cursor, run, rejected.table) for rejected in circle]
    if all(comparison.all_unchanged for comparison in compared):
        # The tables have these rows, each with its own key, unique values and parents.
        return compared
    deleted = [rejected.rejected.total() for rejected in circle]
    remove_orphans(run, circle)
    for rejected, comparison in zip(circle, compared, strict=True):
        if comparison.differing or rejected.table.uniques:
            remove_stored_conflicts(run, rejected)
        remove_conflicts(run, rejected)
    if any(key.deferrable for rejected in circle for key in rejected.table.foreign_keys):
        # Rows that were rejected as conflicts may be the parents of others.
        remove_orphans(run, circle)
    return [
        comparison if rejected.rejected.total() == before else compare(cursor, run, rejected.table)
        for rejected, comparison, before in zip(circle, compared, deleted, strict=True)
    ]


def _analyze(cursor: Cursor, run: Run, table: Table) -> None:
    """Collect the statistics for the joins. A tenth of the usual sample suffices for the number of rows and of keys."""
    cursor.execute("SET LOCAL default_statistics_target = 10")
    cursor.execute(Sql("ANALYZE {}").format(run.shadow(table)))
