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

from dataforge.errors import NoLongerKnown
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.unwritten import State, observe
from dataforge.records.text_budget import USE
from dataforge.runs import leases
from dataforge.settings import RejectionLimits
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.build import build
from functions.migrate.resolve.choose import LEAST_BYTES, choose
from functions.migrate.resolve.compare import Comparison, count_rows
from functions.migrate.resolve.locate import locate
from functions.migrate.resolve.rebuild import rebuild
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.resolve.remove import remove_all
from functions.migrate.run.again import resolve_again
from functions.migrate.run.declared import require_columns
from functions.migrate.run.known.proof import require_known_parents
from functions.migrate.run.ledger import Resolved, RowsByFile, read_resolved, store_resolved
from functions.migrate.run.migration import KNOWN, REBUILD, SWAP, Run, read_run
from functions.migrate.run.rejections.store import RejectionStore
from functions.migrate.run.rejections.uncounted import Uncounted
from functions.migrate.run.stored_rows import undo_rebuild
from functions.migrate.run.whole_tables import allow_memory, state_if_compared_whole

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
) -> dict[str, Any]:
    """Resolve one table with its circle, in one transaction. The parents in the run must be resolved. Idempotent.

    ``rebuild_from``: the bytes of new rows from which filled tables are rebuilt.
    Returns the document that the ledger stores (``Resolved``): counts of the shadow's rows, and hashes.
    Raises ``NoLongerKnown``: a known parent was written, so the step "cut" and all after it must be repeated.
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        choose(cursor, run_id, rebuild_from)
    try:
        done = _resolve_circle(db, s3, limits, run_id, table_name)
    except NoLongerKnown:
        resolve_again(db, run_id, load_known=True)
        raise
    # The output is part of the execution's history, which must not hold values of rows.
    return done[table_name].model_dump(
        mode="json", exclude_none=True, exclude={"orphans", "state", "uncounted"}
    )


def _resolve_circle(
    db: Connection, s3: S3Client, limits: RejectionLimits, run_id: str, table_name: str
) -> dict[str, Resolved]:
    """Resolve the tables of the circle unless they are resolved, or known."""
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        circle = run.circle(table_name)
        leases.hold(cursor, run.execution, run.dataset.name, [table.name for table in circle])
        found = {table.name: read_resolved(cursor, run_id, table.name, lock=True) for table in circle}
        ready = {run.mode, KNOWN}
        done = {name: resolved for name, resolved in found.items() if resolved and resolved.mode in ready}
        if len(done) < len(circle):
            done = _resolve(cursor, s3, limits, run, circle, found)
    return done


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
    if any(earlier and earlier.mode == REBUILD for earlier in before.values()):
        undo_rebuild(cursor, run, circle)
    states: list[State | None] = [None] * len(circle)
    if run.mode == SWAP:
        build(cursor, run, shadows)
        compared = [count_rows(cursor, run, table) for table in circle]
    elif run.mode == REBUILD:
        states = [observe(cursor, table) for table in circle]
        run, compared = rebuild(cursor, run, shadows, states)
    else:
        states = [state_if_compared_whole(cursor, run, table) for table in circle]
        compared = remove_all(cursor, run, shadows)
        if any(rejected.rejected for rejected in shadows):
            require_known_parents(cursor, run, circle)
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
