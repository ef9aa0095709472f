"""Reconciliation and publication: prove that source and target agree, judge the quality, make it visible at once."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dataforge.errors import NotReconciled, QualityTooLow, TargetChanged
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import exclude_snapshots
from dataforge.postgres.sql import Sql
from dataforge.postgres.visible_rows import require_sound, with_relatives
from dataforge.records.validate import content_hash
from dataforge.runs import leases
from dataforge.tables.catalogue import Table
from functions.migrate.plan.replay import close_replay
from functions.migrate.publish.merge import insert, settle_again
from functions.migrate.publish.quality_facts import keep_facts
from functions.migrate.reconcile.differences import explain
from functions.migrate.reconcile.files import reconcile_files
from functions.migrate.report.rejections import frequent_reasons
from functions.migrate.run.declared import are_alike, require_columns
from functions.migrate.run.ledger import TALLIES, read_settled
from functions.migrate.run.migration import Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


PUBLISH_LOCK_MS = 5_000
"""How long publication waits for its lock; readers queue behind it meanwhile. Then it gives way and is tried again."""

_LOADED = Sql("""
    SELECT coalesce(sum((r->>'read')::bigint), 0), coalesce(sum((r->>'deduplicated')::bigint), 0),
           coalesce(sum((r->>'rejected')::bigint), 0), coalesce(sum((r->>'hash_total')::numeric), 0)
    FROM dataforge.migration_chunks c, LATERAL (SELECT {}->%s AS r) t
    WHERE migration_id = %s AND r IS NOT NULL
""").format(TALLIES)

_GAPS = """
    SELECT key, reached FROM (
        SELECT key, first_byte, lag(end_byte, 1, data_start) OVER one_file AS reached
        FROM dataforge.migration_files JOIN dataforge.migration_chunks USING (migration_id, file_number)
        WHERE migration_id = %s AND first_byte IS NOT NULL
        WINDOW one_file AS (PARTITION BY file_number ORDER BY first_byte, end_byte)
    ) chunks WHERE first_byte <> reached
    UNION ALL
    SELECT key, coalesce(max(end_byte), data_start) FROM dataforge.migration_files f
    LEFT JOIN dataforge.migration_chunks c USING (migration_id, file_number)
    WHERE migration_id = %s GROUP BY file_number, key, data_start, data_end
    HAVING coalesce(max(end_byte), data_start) <> data_end
"""
"""Where a file's chunks do not follow one another from its first record to its end; parameters: the run, twice."""


def reconcile(db: Connection, s3: S3Client, run_id: str) -> dict[str, Any]:
    """Compare source and target of every table and note the counts, hashes and quality in the ledger.

    Returns {"quality": str}. Raises ``NotReconciled`` naming table, figures and the first keys that differ when they do
    not agree: a defect, never a matter of data. Repeating it is harmless.
    """
    failed: dict[str, str] = {}
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        _all_loaded(cursor, run)
        read = rejected = 0
        for table in run.tables:
            try:
                table_read, table_rejected = _reconcile_table(cursor, run, table)
            except NotReconciled as error:
                failed[table.name] = str(error)
                continue
            read, rejected = read + table_read, rejected + table_rejected
        overall = None if failed else quality(read, rejected)
        cursor.execute(
            "UPDATE dataforge.migrations SET quality = %s WHERE migration_id = %s", (overall, run_id)
        )
    if failed:
        raise NotReconciled(explain(db, s3, run, failed))
    return {"quality": str(overall)}


def quality(read: int, rejected: int) -> Decimal:
    """1 − rejected / read, and 1 where nothing was read."""
    return Decimal(read - rejected) / read if read else Decimal(1)


def _all_loaded(cursor: Cursor, run: Run) -> None:
    cursor.execute(
        "SELECT count(*) FROM dataforge.migration_chunks"
        " WHERE migration_id = %s AND first_byte IS NOT NULL AND result IS NULL",
        (run.id,),
    )
    (left,) = one_row(cursor)
    if left:
        raise NotReconciled(f"{left} chunk(s) were not loaded.")
    cursor.execute(_GAPS, (run.id, run.id))
    gaps = [f"{key} from byte {start}" for key, start in cursor.fetchall()]
    if gaps:
        raise NotReconciled(f"Bytes between chunks were not read: {', '.join(gaps)}.")


def _reconcile_table(cursor: Cursor, run: Run, table: Table) -> tuple[int, int]:
    """Note the table's figures; returns rows read and rejected. Raises ``NotReconciled`` where they do not agree."""
    cursor.execute(_LOADED, (table.name, run.id))
    read, deduplicated, rejected, source_total = one_row(cursor)
    settled = read_settled(cursor, run.id, table.name)
    if settled is None:
        raise NotReconciled(f"{table.name} was not settled.")
    deduplicated += settled.deduplicated
    rejected += settled.rejected
    unchanged = settled.unchanged
    loaded = settled.rows - unchanged
    expected = (int(source_total) - settled.removed_hash_total) % 2**64
    cursor.execute(
        "UPDATE dataforge.migration_tables SET read = %s, loaded = %s, unchanged = %s, deduplicated = %s, rejected = %s,"
        ' updated = %s, quality = %s, source_hash = %s, target_hash = %s WHERE migration_id = %s AND "table" = %s',
        (
            *(read, loaded, unchanged, deduplicated, rejected, settled.updated, quality(read, rejected)),
            *(content_hash(expected), content_hash(settled.hash_total)),
            *(run.id, table.name),
        ),
    )
    reconcile_files(cursor, run, table, settled)
    if read != loaded + unchanged + deduplicated + rejected or expected != settled.hash_total:
        raise NotReconciled(
            f"{table.name}: read {read}, loaded {loaded}, unchanged {unchanged}, deduplicated {deduplicated}, rejected"
            f" {rejected}; source hash {content_hash(expected)}, target hash {content_hash(settled.hash_total)}."
        )
    return read, rejected


def publish(db: Connection, run_id: str, execution: str) -> dict[str, str]:
    """Make everything visible in one short transaction, and give back the leases.

    Raises ``QualityTooLow`` (nothing is published), ``LeaseLost``, ``Busy`` (try again), ``BackupRunning`` (try for hours),
    ``TargetRejectsRows``, or ``TargetChanged``: others wrote to the tables meanwhile, and the run must be settled once more,
    against what is there now.
    """
    try:
        with transaction(db, role=OWNER) as cursor:
            run = read_run(cursor, run_id)
            if run.status == "published":
                return {"status": "published"}
            leases.hold(cursor, execution, run.dataset.name, [t.name for t in run.tables])
            _judge(cursor, run)
            keep_facts(cursor, run)
            cursor.execute(Sql("SET LOCAL lock_timeout = {}").format(PUBLISH_LOCK_MS))
            require_sound(cursor, with_relatives(run.dataset, run.tables))
            require_columns(cursor, run)
            if run.mode == "swap":
                _swap(cursor, run)
            else:
                insert(cursor, run)
            cursor.execute(
                "UPDATE dataforge.migrations SET status = 'published', finished_at = now() WHERE migration_id = %s",
                (run_id,),
            )
            close_replay(cursor, run)
            shadow.drop(cursor, run_id)
            leases.release(cursor, execution)
    except TargetChanged:
        settle_again(db, run_id)
        raise
    return {"status": "published"}


def _judge(cursor: Cursor, run: Run) -> None:
    cursor.execute(
        "SELECT 'all tables together', quality, NULL, NULL FROM dataforge.migrations"
        " WHERE migration_id = %(id)s AND quality < %(threshold)s UNION ALL"
        ' SELECT "table", quality, rejected, read FROM dataforge.migration_tables'
        " WHERE migration_id = %(id)s AND quality < %(threshold)s",
        {"id": run.id, "threshold": run.threshold},
    )
    low = [
        f"{name} {value:.6f}" + (f" ({rejected} of {read} rows rejected)" if read else "")
        for name, value, rejected, read in cursor.fetchall()
    ]
    if low:
        raise QualityTooLow(
            f"Below the quality threshold {run.threshold:f}: {'; '.join(low)}. Nothing was published."
            f" Most frequent: {'; '.join(frequent_reasons(cursor, run))}."
        )


def _swap(cursor: Cursor, run: Run) -> None:
    exclude_snapshots(cursor, run.dataset)
    shadow.lock(cursor, run.dataset, run.tables, Sql("ACCESS EXCLUSIVE"))
    if not shadow.replaceable(cursor, run.dataset, run.tables):
        raise TargetChanged(
            "Rows or objects were added to the tables since the run began; settling against them."
        )
    if not are_alike(cursor, run):
        raise TargetChanged(
            "The tables are declared otherwise than when they were built; settling against them."
        )
    shadow.swap(cursor, run.dataset, run.id, run.tables)
