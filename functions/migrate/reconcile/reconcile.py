"""Reconcile source and target: compare the counts and content hashes of every table."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from dataforge.errors import NotReconciled
from dataforge.postgres.connection import transaction
from dataforge.postgres.open_transactions import open_transactions
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.records.quality import quality_of
from dataforge.records.validate import content_hash
from dataforge.runs import leases
from dataforge.runs.step_names import MigrationStep
from dataforge.runs.unattended.cursor import unattended_cursor
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.work import Unattended, Work, forget
from dataforge.tables.catalogue import Table
from functions.migrate.reconcile.differences import store_differences
from functions.migrate.reconcile.files import reconcile_files
from functions.migrate.reconcile.orphans import store_orphans
from functions.migrate.run.ledger import TALLIES, Resolved, read_resolved
from functions.migrate.run.loaded import unloaded_chunks
from functions.migrate.run.migration import REBUILD, Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_LOADED = Sql("""
    SELECT coalesce(sum((r->>'read')::bigint), 0)::bigint, coalesce(sum((r->>'deduplicated')::bigint), 0)::bigint,
           coalesce(sum((r->>'rejected')::bigint), 0)::bigint, coalesce(sum((r->>'hash_total')::numeric), 0)
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
"""The bytes of files that no chunk covers. Parameters: the run, twice."""


class _Figures(NamedTuple):
    """The figures of a table. ``read = loaded + unchanged + deduplicated + rejected`` if it reconciles."""

    read: int
    loaded: int
    unchanged: int
    deduplicated: int
    rejected: int
    updated: int
    source_hash: str
    target_hash: str

    @property
    def agree(self) -> bool:
        return self.read == sum(self[1:5]) and self.source_hash == self.target_hash

    def __str__(self) -> str:
        return (
            f"read {self.read}, loaded {self.loaded}, unchanged {self.unchanged}, deduplicated {self.deduplicated},"
            f" rejected {self.rejected}; source hash {self.source_hash}, target hash {self.target_hash}"
        )


def reconcile(db: Connection, s3: S3Client, run_id: str, how: Unattended | None = None) -> dict[str, str]:
    """Compare source and target of every table and store counts, hashes and quality in the ledger. Idempotent.

    Returns {"quality": str}. Raises ``NotReconciled`` with each table that differs, its figures and the number of rows that
    the report lists. A difference is a defect of Data Forge, not of the data.
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        _require_all_loaded(cursor, run)
        tables, failures = _reconcile_tables(cursor, run)
        overall = None if failures else _quality(sum(t.read for t in tables), sum(t.rejected for t in tables))
        cursor.execute(
            "UPDATE dataforge.migrations SET quality = %s WHERE migration_id = %s", (overall, run_id)
        )
        if run.mode == REBUILD:
            # Every shadow is complete: transactions that begin later see its rows.
            cursor.execute(
                "UPDATE dataforge.migrations SET readers = %s WHERE migration_id = %s",
                (open_transactions(cursor), run_id),
            )
    _store_orphans(db, how, run)
    if failures:
        raise NotReconciled(_explained(db, s3, run, failures))
    return {"quality": str(overall)}


def _store_orphans(db: Connection, how: Unattended | None, run: Run) -> None:
    """Count the orphans of references that are not enforced. Raises ``WorkContinues``."""
    for table in run.tables:
        if all(key.enforced for key in table.references):
            continue
        with transaction(db, role=MIGRATION_RUN) as cursor:
            leases.hold(cursor, run.execution, run.dataset.name, [table.name])
            if how is None or not how.suits(cursor, run.shadow(table)):
                store_orphans(cursor, run, table)
                continue
        first = Script()
        first.hold(run.execution, run.dataset.name, [table.name])
        work = Work(run.id, f"{MigrationStep.RECONCILE} {table.name}")
        with unattended_cursor(db, how, run.execution, work, first) as unattended:
            store_orphans(unattended, run, table)
        with transaction(db, role=MIGRATION_RUN) as cursor:
            forget(cursor, how, run.id, work.name)


def _quality(read: int, rejected: int) -> Decimal:
    """The quality; 1 if nothing was read."""
    found = quality_of(read, rejected)
    return Decimal(1) if found is None else found


def _reconcile_tables(cursor: Cursor, run: Run) -> tuple[list[_Figures], dict[str, str]]:
    """The figures of the tables that reconcile, and the reason by table for the others."""
    tables: list[_Figures] = []
    failures: dict[str, str] = {}
    for table in run.tables:
        try:
            tables.append(_reconcile_table(cursor, run, table))
        except NotReconciled as error:
            failures[table.name] = error.message
    return tables, failures


def _explained(db: Connection, s3: S3Client, run: Run, failures: Mapping[str, str]) -> str:
    """The reasons, each with the number of differing rows that the report lists."""
    reasons = []
    for name, reason in failures.items():
        count = store_differences(db, s3, run, run.dataset.table(name))
        listed = f" The report lists the first {count} rows that differ." if count else ""
        reasons.append(f"{reason}{listed}")
    return "\n".join(reasons)


def _require_all_loaded(cursor: Cursor, run: Run) -> None:
    if missing := unloaded_chunks(cursor, run.id):
        raise NotReconciled(f"{missing} chunk(s) were not loaded.")
    cursor.execute(_GAPS, (run.id, run.id))
    gaps = [f"{key} from byte {start}" for key, start in cursor.fetchall()]
    if gaps:
        raise NotReconciled(f"Bytes between chunks were not read: {', '.join(gaps)}.")


def _reconcile_table(cursor: Cursor, run: Run, table: Table) -> _Figures:
    """Compute and store the table's figures. Raises ``NotReconciled`` if they do not agree."""
    resolved = read_resolved(cursor, run.id, table.name)
    if resolved is None:
        raise NotReconciled(f"{table.name} was not resolved.")
    figures = _figures(cursor, run, table, resolved)
    cursor.execute(
        "UPDATE dataforge.migration_tables SET read = %s, loaded = %s, unchanged = %s, deduplicated = %s, rejected = %s,"
        ' updated = %s, source_hash = %s, target_hash = %s, quality = %s WHERE migration_id = %s AND "table" = %s',
        (*figures, _quality(figures.read, figures.rejected), run.id, table.name),
    )
    reconcile_files(cursor, run, table, resolved)
    if not figures.agree:
        raise NotReconciled(f"{table.name}: {figures}.")
    return figures


def _figures(cursor: Cursor, run: Run, table: Table, resolved: Resolved) -> _Figures:
    """The counts and hashes of the load with those of the resolve step."""
    cursor.execute(_LOADED, (table.name, run.id))
    read, deduplicated, rejected, source_total = one_row(cursor)
    expected = (int(source_total) - resolved.removed_hash_total) % 2**64
    return _Figures(
        read=read,
        loaded=resolved.rows - resolved.unchanged,
        unchanged=resolved.unchanged,
        deduplicated=deduplicated + resolved.deduplicated,
        rejected=rejected + resolved.rejected,
        updated=resolved.updated,
        source_hash=content_hash(expected),
        target_hash=content_hash(resolved.hash_total),
    )
