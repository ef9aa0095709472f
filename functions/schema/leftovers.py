"""Delete the remaining content of batches and runs that ended: answers to idempotency keys, lists of files, and shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.defaults import IDEMPOTENCY_HOURS, REJECTION_DAYS, SHADOW_DAYS
from dataforge.postgres.connection import transaction
from dataforge.postgres.sql import Sql, ident
from functions.schema.doctor.tables import left_over_findings

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


ROWS = 10_000
"""The most answers of one transaction."""

_ANSWERS = Sql("""
    DELETE FROM dataforge.batches WHERE batch_id IN (
        SELECT batch_id FROM dataforge.batches WHERE created_at < now() - interval '{} hours'
        LIMIT {} FOR UPDATE SKIP LOCKED)
""").format(IDEMPOTENCY_HOURS, ROWS)
_FORGOTTEN = Sql("""
    SELECT migration_id FROM dataforge.migrations m
    WHERE status <> 'running' AND finished_at < now() - %s * interval '1 day'
      AND EXISTS (SELECT FROM dataforge.migration_files f WHERE f.migration_id = m.migration_id)
      AND NOT EXISTS (SELECT FROM dataforge.rejections r WHERE r.migration_id = m.migration_id) LIMIT 1
""")
_FILES = ("migration_chunks", "migration_files")
"""Names of files, their headers, and the values in the names of their folders. The counts of a run's tables stay."""
_WORK = Sql("""
    WITH migration AS (DELETE FROM dataforge.migration_work WHERE started_at < now() - interval '{days} days' RETURNING 1),
    restore AS (DELETE FROM dataforge.restore_work WHERE started_at < now() - interval '{days} days' RETURNING 1)
    SELECT FROM migration UNION ALL SELECT FROM restore
""").format(days=2 * SHADOW_DAYS)
_LOCK = Sql("SET LOCAL lock_timeout = '2s'")


def delete_leftovers(db: Connection, rejection_days: int = REJECTION_DAYS) -> int:
    """Delete some expired answers; or else the list of files of a run that is older than ``rejection_days`` and has no
    rejections; or else results that no run uses; or else the shadow of a run that can no longer be resumed. Returns the
    number.

    Batches delete expired answers too, but none comes after the last one. Raises ``Busy`` if the shadow is in use.
    """
    return _delete_answers(db) or _delete_files(db, rejection_days) or _delete_work(db) or _drop_shadow(db)


def _delete_answers(db: Connection) -> int:
    with transaction(db) as cursor:
        cursor.execute(_ANSWERS)
        return int(cursor.rowcount)


def _delete_files(db: Connection, days: int) -> int:
    with transaction(db) as cursor:
        cursor.execute(_FORGOTTEN, (days,))
        row = cursor.fetchone()
        for name in _FILES if row else ():
            cursor.execute(Sql("DELETE FROM dataforge.{} WHERE migration_id = %s").format(ident(name)), row)
    return int(row is not None)


def _delete_work(db: Connection) -> int:
    with transaction(db) as cursor:
        cursor.execute(_WORK)
        return int(cursor.rowcount)


def _drop_shadow(db: Connection) -> int:
    with transaction(db) as cursor:
        found = next(left_over_findings(cursor), None)
        if found is None:
            return 0
        cursor.execute(_LOCK)
        cursor.execute(Sql("DROP SCHEMA {} CASCADE").format(ident(found.object)))
    return 1
