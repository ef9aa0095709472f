"""Replace the tables by their shadows, or merge the rows, in one transaction, and preserve the replaced tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import psycopg2

from dataforge.audit.entry import Entry
from dataforge.audit.record import record
from dataforge.errors import BackupRunning, WorkContinues
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.roles import REFILL, RESTORE_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import require_no_snapshot
from dataforge.postgres.sql import Sql
from dataforge.postgres.visible_rows import require_sound, with_relatives
from dataforge.runs import leases
from dataforge.runs.results.restore import Figures
from dataforge.runs.step_names import RestoreStep
from dataforge.runs.unattended.work import Unattended
from dataforge.tables.catalogue import ForeignKey, Table
from functions.restore.build import translated_violations
from functions.restore.comparison import known_difference
from functions.restore.difference import (
    count_difference,
    find_difference,
    record_figures,
    tables_losing_values,
)
from functions.restore.locks import (
    READERS_MS,
    WRITERS_MS,
    held_by_others,
    lock_statement,
    related,
    restored,
    time_limit,
)
from functions.restore.merge import merge
from functions.restore.references import check_children, check_parents, children, parents
from functions.restore.run import SWAP, UNFINISHED, Run, read_run
from functions.restore.step_cursor import step_cursor
from functions.restore.unattended_swap import (
    change_unattended,
    changes_unattended,
    forget_change,
    forget_failed_change,
)

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_OLD_READERS = """
    SELECT count(*) FROM pg_locks JOIN dataforge.restores ON virtualxid = ANY(readers)
    WHERE restore_id = %s AND locktype = 'virtualxid' AND granted
"""
"""Open transactions from before the comparison. Every role may see these; few may see snapshots."""

_VALIDATE = """
    SELECT dataforge_steps.validate(%s, %s, %s) FROM pg_constraint
    WHERE contype = 'f' AND conname = %s AND conrelid = to_regclass(%s)
"""
"""Only a foreign key that exists: an owner may have dropped that of a child."""


def swap(db: Connection, run_id: str, execution: str, how: Unattended | None = None) -> dict[str, str]:
    """Change the tables, and preserve the replaced ones. Readers see all of the old rows or all of the new ones.

    Tables that were written since the comparison are compared again under locks, so that every write is counted and
    preserved.
    Idempotent. Raises ``Busy`` (nothing was changed), ``LeaseLost``, ``WouldOrphan``, ``TargetRejectsRows``.
    """
    with translated_violations():
        with transaction(db, role=RESTORE_RUN) as cursor:
            run = read_run(cursor, run_id)
            unattended = how is not None and changes_unattended(cursor, run, how)
            may_swap = False
            if run.status != UNFINISHED:
                leases.hold(cursor, execution, run.dataset.name, [t.name for t in run.tables])
                require_sound(cursor, with_relatives(run.dataset, run.tables))
                may_swap = run.mode == SWAP and _may_swap(cursor, run)
                if not unattended:
                    _change(cursor, run, swaps=may_swap)
                    record(cursor, Entry("applied", execution))
        if how is not None and unattended:
            _change_unattended(db, how, run, execution, may_swap=may_swap)
    _validate_foreign_keys(db, run, how)
    return {}


def _change_unattended(db: Connection, how: Unattended, run: Run, execution: str, *, may_swap: bool) -> None:
    try:
        with translated():
            change_unattended(db, how, run, execution, may_swap=may_swap)
    except WorkContinues:
        raise
    except Exception:
        forget_failed_change(db, how, run)
        raise
    with transaction(db, role=RESTORE_RUN) as cursor:
        record(cursor, Entry("applied", execution))
        forget_change(cursor, how, run)


def _change(cursor: Cursor, run: Run, *, swaps: bool) -> None:
    locked = _lock_out_writers(cursor, run, swap=swaps)
    figures = {table.name: _compare(cursor, run, table, swap=swaps) for table in run.tables}
    check_children(cursor, run, tables_losing_values(figures))
    if swaps:
        check_parents(cursor, run)
        _lock(cursor, locked, Sql("ACCESS EXCLUSIVE"), READERS_MS)
        swaps = all(is_pristine(cursor, run.dataset, table) for table in run.tables)
        if not swaps:
            figures = {table.name: find_difference(cursor, run, table) for table in run.tables}
    shadow.create_schema(cursor, run.replaced_schema)
    if swaps:
        shadow.swap(cursor, run.dataset, run.id, run.tables, run.replaced_schema)
    else:
        merge(cursor, run, figures)
    for table in run.tables:
        record_figures(cursor, run, table, figures[table.name])
        if not swaps:
            cursor.execute(Sql("GRANT SELECT ON {} TO {}").format(run.replaced(table), REFILL))
    shadow.drop(cursor, run.id)
    cursor.execute(
        "UPDATE dataforge.restores SET status = %s, switched_at = clock_timestamp() WHERE restore_id = %s",
        (UNFINISHED, run.id),
    )


def _compare(cursor: Cursor, run: Run, table: Table, *, swap: bool) -> Figures:
    """Compare the locked table with its shadow, unless the earlier comparison holds."""
    known = known_difference(cursor, run, table, rows=not swap)
    if known is not None:
        return known
    return count_difference(cursor, run, table) if swap else find_difference(cursor, run, table)


def _may_swap(cursor: Cursor, run: Run) -> bool:
    """Whether no open snapshot is older than the loaded rows: in such a snapshot the new tables are empty.

    If one is, the rows are merged, which every snapshot sees completely or not at all. So no restore waits for a backup
    or a long query.
    """
    try:
        require_no_snapshot(cursor, run.dataset)
    except BackupRunning:
        return False
    cursor.execute(_OLD_READERS, (run.id,))
    return not one_row(cursor)[0]


def _lock_out_writers(cursor: Cursor, run: Run, *, swap: bool) -> set[Sql]:
    """Lock against writers the tables, their children, and to swap also their parents. Returns the locked tables.

    Foreign keys cannot be added meanwhile.
    """
    tables = restored(run)
    _lock(cursor, tables, Sql("SHARE ROW EXCLUSIVE"), WRITERS_MS)
    relatives = related(run, children(cursor, run), swap=swap)
    if relatives:
        _lock(cursor, relatives, Sql("SHARE ROW EXCLUSIVE"), WRITERS_MS)
    return tables | relatives


def _lock(cursor: Cursor, relations: Iterable[Sql], mode: Sql, milliseconds: int) -> None:
    cursor.execute(time_limit(milliseconds))
    try:
        cursor.execute(lock_statement(relations, mode))
    except psycopg2.errors.LockNotAvailable:
        raise held_by_others(", ".join(sorted(relations)).replace('"', "")) from None


def _references(run: Run) -> Iterator[tuple[Table, ForeignKey]]:
    """The catalogue's foreign keys from tables outside the restore. Tables that match the catalogue have no others."""
    for table in run.tables:
        yield from ((c, key) for c, key in run.dataset.children(table.name) if not run.has(c.name))


def _validate_foreign_keys(db: Connection, run: Run, how: Unattended | None) -> None:
    """Validate the foreign keys that a swap created, while readers and writers continue.

    New rows are checked without it. If it does not run, the schema deployer finds and validates the constraints.
    """
    for child, key in (*parents(run), *_references(run)) if run.mode == SWAP else ():
        step = f"{RestoreStep.SWAP} {child.name} {key.name}"
        with step_cursor(db, how, run.id, step, others=[child]) as (cursor, _):
            cursor.execute(_VALIDATE, (child.dataset, child.name, key.name, key.name, ddl.qualified(child)))
