"""Upkeep: make the queued changes of large tables, one at a time, without blocking readers or writers, then delete expired
rejections, answers to batches, lists of files, and shadows.

A change validates a constraint or builds an index. Its statement runs in its own transaction and can be repeated. The
catalogue declares the result, so the ledger stores names only. A statement may run longer than the function: PostgreSQL
completes it, and the next step detects that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import psycopg2

from dataforge.defaults import REJECTION_DAYS
from dataforge.errors import Busy, SchemaRefused
from dataforge.postgres.connection import is_translated, transaction, translated
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.statements import reason
from functions.schema.difference import LEDGER, Shape, concurrently, expected_dataset, expected_ledger, shapes
from functions.schema.expire import expire
from functions.schema.leftovers import delete_leftovers
from functions.schema.queued import QueuedChange

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


BUILD_LOCK = "10min"
"""How long the building of an index waits for older transactions. No session queues behind it."""
SHORT_LOCK = "2s"
"""How long a change waits for a lock that blocks readers or writers, who queue behind it meanwhile."""

_SESSION = (
    "SET statement_timeout = 0",
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'",
    # The end of the function must not cancel the statement.
    "SET client_connection_check_interval = 0",
)
_OTHER = """
    SELECT FROM pg_locks WHERE relation = to_regclass(%s) AND granted AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND mode IN ('ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
"""A session that changes the table: that of an earlier step, VACUUM, or a run that publishes."""
_NEXT = """
    SELECT dataset, "table", kind, name FROM dataforge.schema_changes WHERE finished_at IS NULL AND error IS NULL
    ORDER BY queued_at, dataset, "table", kind DESC, name LIMIT 1
"""
_SET = """
    UPDATE dataforge.schema_changes SET {} WHERE dataset = %s AND "table" = %s AND kind = %s AND name = %s
"""
_CONSTRAINT = """
    SELECT convalidated, CASE WHEN contype = 'c' AND right(conname, 9) = '_not_null' THEN attname END
    FROM pg_constraint LEFT JOIN pg_attribute a ON attrelid = conrelid AND ARRAY[attnum] = conkey
    WHERE conrelid = to_regclass(%s) AND conname = %s
"""
"""Whether the constraint is validated, and the column if it is a check that takes the place of NOT NULL."""

Next = Literal["again", "wait", "done"]


def work(db: Connection, rejection_days: int = REJECTION_DAYS, execution: str = "") -> Next:
    """Make the next change, or delete some rejections that are older than ``rejection_days``, as ``execution`` (its ARN).

    ``db``: a dedicated connection of the master. Returns ``wait`` while another session changes the table, or if a lock
    was not obtained in a short time. Raises ``SchemaRefused`` if only failed changes remain.
    """
    with transaction(db) as cursor:
        for statement in _SESSION:
            cursor.execute(statement)
    return _next(db, rejection_days, execution)


def _next(db: Connection, rejection_days: int, execution: str) -> Next:
    with transaction(db) as cursor:
        cursor.execute(_NEXT)
        found = cursor.fetchone()
    if found is None:
        if expire(db, rejection_days, execution):
            return "again"
        try:
            if delete_leftovers(db, rejection_days):
                return "again"
        except Busy:
            return "wait"
        _raise_failed(db)
        return "done"
    change = QueuedChange(*found)
    if _is_changed(db, change):
        return "wait"
    _record(db, change, "started_at = now()")
    try:
        error = _do(db, change)
    except Busy:
        return "wait"
    if error:
        _record(db, change, "error = %s", error)
    else:
        _record(db, change, "finished_at = now()")
    return "again"


def _is_changed(db: Connection, change: QueuedChange) -> bool:
    """Whether another session changes the table. The lock of a change excludes others, even after its function has ended."""
    with transaction(db) as cursor:
        cursor.execute(_OTHER, (change.relation,))
        return cursor.fetchone() is not None


def _record(db: Connection, change: QueuedChange, what: str, *values: str) -> None:
    with transaction(db) as cursor:
        cursor.execute(_SET.format(what), (*values, *change))


def _raise_failed(db: Connection) -> None:
    with transaction(db) as cursor:
        cursor.execute(
            'SELECT dataset, "table", name, error FROM dataforge.schema_changes'
            " WHERE finished_at IS NULL AND error IS NOT NULL ORDER BY 1, 2, 3"
        )
        failed = cursor.fetchall()
    if failed:
        reasons = " ".join(f"{dataset}.{table}: {name}: {error}." for dataset, table, name, error in failed)
        raise SchemaRefused(
            f"{reasons}", hint="Correct the rows or the declaration, then run dataforge doctor --repair."
        )


def _do(db: Connection, change: QueuedChange) -> str | None:
    """Make the change. Returns the reason if PostgreSQL refuses it; the reason contains no value of a row."""
    statements = _validation(db, change) if change.kind == "validate" else _building(db, change)
    db.autocommit = True
    try:
        with translated(), db.cursor() as cursor:
            limit = SHORT_LOCK if change.kind == "validate" else BUILD_LOCK
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", (limit,))
            for statement in statements:
                cursor.execute(statement)
    except psycopg2.Error as error:
        if is_translated(error):
            raise
        return reason(error)
    finally:
        if not db.closed:
            db.autocommit = False
    return None


def _validation(db: Connection, change: QueuedChange) -> list[str]:
    with transaction(db) as cursor:
        cursor.execute(_CONSTRAINT, (change.relation, change.name))
        validated, column = cursor.fetchone() or (True, None)
    table, constraint = Sql("ALTER TABLE {}").format(change.relation), ident(change.name)
    statements: list[str] = [] if validated else [Sql("{} VALIDATE CONSTRAINT {}").format(table, constraint)]
    if column is not None:
        # SET NOT NULL reads no rows while the validated check exists.
        statements.append(Sql("{} ALTER COLUMN {} SET NOT NULL").format(table, ident(column)))
        statements.append(Sql("{} DROP CONSTRAINT {}").format(table, constraint))
    return statements


def _building(db: Connection, change: QueuedChange) -> list[str]:
    """The statements that build an index. An invalid index results from an interrupted build and is rebuilt."""
    with transaction(db) as cursor:
        have = shapes(cursor, change.dataset).get(change.table)
        want = _expected(cursor, change)
    definition = want.indexes.get(change.name) if want else None
    if have is None or definition is None or have.indexes.get(change.name) == definition:
        return []
    dropped = Sql("DROP INDEX CONCURRENTLY {}.{}").format(ident(change.dataset), ident(change.name))
    built = concurrently(definition)
    return [dropped, built] if change.name in have.indexes else [built]


def _expected(cursor: Cursor, change: QueuedChange) -> Shape | None:
    if change.dataset == LEDGER:
        return expected_ledger(cursor).get(change.table)
    dataset = DATASETS.get(change.dataset)
    return expected_dataset(cursor, dataset).get(change.table) if dataset else None
