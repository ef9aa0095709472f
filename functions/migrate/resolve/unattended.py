"""Resolve tables of which that may take longer than a function: PostgreSQL completes each statement.

The rows of shadows are rejected by statements that are committed one by one. The rejections are then located in their
sources and stored in pieces, each of which is committed at the end of a call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dataforge.errors import NoLongerKnown, NotCompleted, WorkContinues
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.row_identifiers import file_number, hold_file
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal
from dataforge.records.text_budget import USE
from dataforge.runs import leases
from dataforge.runs.step_names import MigrationStep
from dataforge.runs.unattended.cursor import unattended_cursor
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.stored_errors import NumberDiffers
from dataforge.runs.unattended.work import Unattended, Work, forget, is_known, read_progress, store_progress
from dataforge.settings import RejectionLimits
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.circle import read_circle, resolved_already
from functions.migrate.resolve.located import located
from functions.migrate.resolve.part import Part
from functions.migrate.resolve.reject import Resolution, interrupted, reject
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.ledger import Resolved, store_resolved
from functions.migrate.run.migration import REBUILD, Run
from functions.migrate.run.rejections.store import RejectionStore
from functions.migrate.run.rejections.uncounted import Uncounted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


Before = Mapping[str, Resolved | None]


_DOCUMENTS, _NONE = "documents", "none"
"""The name of the number of documents that are as before, and the mode in place of one that is missing."""


class _Stored(BaseModel):
    """The rejections of a table that are stored: up to this ``position``. ``uncounted``: see ``RejectionStore``."""

    position: int = -1
    uncounted: Uncounted | None = None
    complete: bool = False


def resolves_unattended(
    cursor: Cursor, how: Unattended, run: Run, circle: Sequence[Table], before: Before
) -> bool:
    """Whether PostgreSQL is to resolve the tables unattended, or has begun to. Tables that are rebuilt are small.

    Few rows beside many stored ones take long too: PostgreSQL may read all of these, and waits for pages of their indexes.
    """
    if run.mode == REBUILD:
        return False
    return is_known(cursor, how, _work(run, circle, before)._replace(number=1)) or how.suits(
        cursor, *map(run.shadow, circle), *map(ddl.qualified, circle)
    )


def resolve_unattended(
    db: Connection,
    s3: S3Client,
    limits: RejectionLimits,
    how: Unattended,
    run: Run,
    circle: Sequence[Table],
    before: Before,
) -> dict[str, Resolved]:
    """Resolve the tables of a circle and store their documents. Raises ``WorkContinues``, ``NoLongerKnown``.

    After ``NoLongerKnown``, the documents have the rows that were deleted before, and no result is used again.
    """
    work = _work(run, circle, before)
    resolutions, written = _reject(db, how, run, circle, before, work)
    for resolution in resolutions:
        while not _store_some(db, s3, limits, how, run, before, resolution.rejected, work):
            if time.monotonic() > how.deadline:
                raise WorkContinues(run.id, work.name)
    done = _close(db, how, run, before, resolutions, work)
    if written:
        raise written
    return done


def _reject(
    db: Connection, how: Unattended, run: Run, circle: Sequence[Table], before: Before, work: Work
) -> tuple[list[Resolution], NoLongerKnown | None]:
    """Reject rows, until a table is no longer known."""
    first = Script()
    first.hold(run.execution, run.dataset.name, [table.name for table in circle])
    first.require(_same(run, before), len(before), _DOCUMENTS)
    try:
        with unattended_cursor(db, how, run.execution, work, first) as cursor:
            for table in circle:
                _require_same_file(cursor, first, run.shadow(table))
            shadows = [RejectedRows(cursor, run, table, durable=True) for table in circle]
            try:
                return reject(cursor, run, shadows, before), None
            except NoLongerKnown as error:
                return interrupted(shadows), error
    except NumberDiffers as error:
        if error.name == _DOCUMENTS:
            # Another call has resolved the tables, and the results of its statements are dropped.
            raise WorkContinues(run.id, work.name) from None
        reason = (
            f"{error.name} was rewritten, by VACUUM FULL or CLUSTER, while rows of it were to be rejected"
        )
        raise NotCompleted(run.id, work.name, reason) from None


def _same(run: Run, before: Before) -> Sql:
    """The query that counts the tables whose documents are still those of ``before``."""
    found = Sql(", ").join(
        Sql("({}, {}, {})").format(
            literal(name),
            literal(resolved.mode if resolved else _NONE),
            literal(str(resolved.again if resolved else 0)),
        )
        for name, resolved in before.items()
    )
    return Sql(
        "SELECT count(*) FROM dataforge.migration_tables WHERE migration_id = {}"
        " AND (\"table\", coalesce(settled->>'mode', {}), coalesce(settled->>'again', '0')) IN ({})"
    ).format(literal(run.id), literal(_NONE), found)


def _require_same_file(cursor: Cursor, first: Script, relation: Sql) -> None:
    """Require it in all later transactions: rows are found by identifiers that earlier ones have stored."""
    number = file_number(relation)
    cursor.execute(number)
    (found,) = one_row(cursor)
    first.execute(hold_file(relation))
    first.require(number, found, relation.replace('"', ""))


def _work(run: Run, circle: Sequence[Table], before: Before) -> Work:
    again = max((earlier.again for earlier in before.values() if earlier), default=0)
    return Work(run.id, f"{MigrationStep.RESOLVE} {circle[0].name} by {run.mode} {again}")


def _store_some(
    db: Connection,
    s3: S3Client,
    limits: RejectionLimits,
    how: Unattended,
    run: Run,
    before: Before,
    rejected: RejectedRows,
    work: Work,
) -> bool:
    """Locate and store rejections until the deadline. Returns whether all are stored. Excludes other calls of the step."""
    table = rejected.table
    with transaction(db, role=MIGRATION_RUN) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [table.name])
        if read_circle(cursor, run, list(map(run.dataset.table, before))) != before:
            # Another call was faster.
            raise WorkContinues(run.id, work.name)
        progress = _progress(work, table)
        stored = _Stored.model_validate(read_progress(cursor, how, progress) or {})
        if stored.complete:
            return True
        store = RejectionStore(cursor, s3, limits, run.id, table, "resolve")
        part = Part(rejected.positions(cursor, stored.position), how.deadline)
        store.add(located(cursor, s3, run, part.rows()))
        uncounted = [some for some in (stored.uncounted, store.close()) if some]
        found = _Stored(
            position=max(part.position, stored.position),
            uncounted=sum(uncounted, Uncounted()) if uncounted else None,
            complete=part.complete,
        )
        if store.used:
            cursor.execute(USE, (run.dataset.name, store.used))
        store_progress(cursor, how, run.execution, progress, found.model_dump_json())
    return found.complete


def _progress(work: Work, table: Table) -> Work:
    return Work(work.run_id, f"{work.name}: rejections of {table.name}")


def _close(
    db: Connection, how: Unattended, run: Run, before: Before, resolutions: Sequence[Resolution], work: Work
) -> dict[str, Resolved]:
    """Store the documents, unless another call has, and drop the results of the statements."""
    circle = [resolution.rejected.table for resolution in resolutions]
    with transaction(db, role=MIGRATION_RUN) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [table.name for table in circle])
        present = read_circle(cursor, run, circle)
        done = resolved_already(run, present)
        if done is not None:
            return done
        if present != before:
            raise WorkContinues(run.id, work.name)
        found = {}
        for resolution in resolutions:
            table = resolution.rejected.table
            stored = _Stored.model_validate(read_progress(cursor, how, _progress(work, table)))
            found[table.name] = resolution.document(before[table.name], stored.uncounted)
            store_resolved(cursor, run.id, table.name, found[table.name])
            resolution.rejected.close(cursor)
            forget(cursor, how, run.id, _progress(work, table).name)
        forget(cursor, how, run.id, work.name)
    return found
