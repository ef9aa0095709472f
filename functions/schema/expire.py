"""Delete expired rejections, in transactions of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.audit.operations import Operation
from dataforge.defaults import REPLAYED_DAYS
from dataforge.postgres.connection import transaction
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from functions.schema.audit import Applicant, record

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


ROWS = 10_000
"""The most rejections of one transaction."""

_DELETE = Sql("""
    WITH old AS (SELECT coalesce(max(last_id), 0) AS id, coalesce(max(since), '-infinity') AS since
                 FROM dataforge.rejections_without_expiry),
    deleted AS (DELETE FROM dataforge.rejections WHERE id IN (
        SELECT r.id FROM dataforge.rejections r, old
        WHERE {expired}
          AND (r.id > old.id OR old.since < now() - %(days)s * interval '1 day')
          AND NOT EXISTS (SELECT FROM dataforge.rejections later WHERE later.replay_of = r.id
                          AND later.rejected_at >= now() - %(days)s * interval '1 day')
          AND NOT EXISTS (SELECT FROM dataforge.migrations m WHERE m.migration_id = r.migration_id
                          AND m.status = 'running')
        LIMIT %(rows)s) RETURNING dataset, text_bytes),
    freed AS (UPDATE dataforge.rejected_texts t SET bytes = greatest(0, t.bytes - d.bytes)
              FROM (SELECT dataset, sum(text_bytes) AS bytes FROM deleted GROUP BY dataset) d
              WHERE t.dataset = d.dataset AND d.bytes > 0)
    SELECT count(*) FROM deleted
""")
"""A rejection from before the version that introduced expiry counts from the deployment of that version. One that a
further rejection refers to (``replay_of``) expires with it: a replay needs both."""

_BY_AGE = _DELETE.format(expired=Sql("r.rejected_at < now() - %(days)s * interval '1 day'"))
_REPLAYED = _DELETE.format(expired=Sql("r.replayed_at < now() - %(replayed)s * interval '1 day'"))


def expire(db: Connection, days: int, execution: str = "", rows: int = ROWS) -> int:
    """Delete at most ``rows`` expired rejections in a transaction. Returns their number; 0 if none has expired.

    A rejection expires ``days`` after it was stored, or earlier if a replay has stored its record: ``REPLAYED_DAYS`` after
    the replay. Those of running migrations do not expire. The text of those of batches leaves the dataset's budget.
    The audit has one entry per ``execution`` that deletes rejections.
    """
    with transaction(db) as cursor:
        values = {"days": days, "replayed": REPLAYED_DAYS, "rows": rows}
        for statement in (_BY_AGE, _REPLAYED):
            cursor.execute(statement, values)
            (deleted,) = one_row(cursor)
            if deleted:
                _record(cursor, execution, days)
                return int(deleted)
    return 0


def _record(cursor: Cursor, execution: str, days: int) -> None:
    if execution:
        what = {"older_than_days": days, "replayed_before_days": REPLAYED_DAYS}
        applicant = Applicant(kind="execution", principal=execution)
        record(cursor, applicant, Operation.REJECTION_EXPIRY, "succeeded", what)
