"""The last step: the safety backup's manifest, and the answer; nothing of the run is left in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.errors import NotReconciled
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.records.validate import content_hash
from dataforge.runs import leases
from dataforge.settings import RestoreSettings
from dataforge.tables.catalogue import Table
from functions.restore.compare import read_figures
from functions.restore.ledger import KeptPart
from functions.restore.run import Run, read_run
from functions.restore.work_items import KEEP, results

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_COUNTS = ("restored", "added", "removed", "changed")


def finish(db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str) -> dict[str, Any]:
    """Make the safety backup exist, drop what was replaced, give back the leases. A dry run has neither.

    Returns the execution's output. Repeating it is harmless.
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        figures = read_figures(cursor, run)
        if run.status == "switched":
            manifest.write(s3, settings.backup_bucket, _safety(cursor, run))
        cursor.execute(
            "UPDATE dataforge.restores SET status = %s, finished_at = now() WHERE restore_id = %s AND finished_at IS NULL",
            ("compared" if run.dry_run else "restored", run_id),
        )
        shadow.drop(cursor, run.id)
        cursor.execute(Sql("DROP SCHEMA IF EXISTS {} CASCADE").format(ident(run.kept_schema)))
        leases.release(cursor, run.execution)
    return {
        "restore_id": run.id,
        "dataset": run.dataset.name,
        "backup": run.backup_id,
        "dry_run": run.dry_run,
        **{name: sum(counts[name] for counts in figures.values()) for name in _COUNTS},
        "safety_backup": None if run.dry_run else run.id,
        "tables": [{"table": table, **counts} for table, counts in figures.items()],
    }


def _safety(cursor: Cursor, run: Run) -> Manifest:
    cursor.execute("SELECT switched_at FROM dataforge.restores WHERE restore_id = %s", (run.id,))
    (switched_at,) = one_row(cursor)
    return Manifest(
        backup_id=run.id,
        dataset=run.dataset.name,
        kind="safety",
        created_at=switched_at,
        tables=tuple(_entry(cursor, run, table) for table in run.tables),
    )


def _entry(cursor: Cursor, run: Run, table: Table) -> TableEntry:
    """What was written of a replaced table, which must be all of it."""
    parts = results(cursor, run.id, KEEP, table.name, KeptPart)
    files = [part for part in parts if part is not None]
    cursor.execute(Sql("SELECT count(*) FROM {}").format(run.kept(table)))
    (rows,) = one_row(cursor)
    if len(files) < len(parts) or sum(file.rows for file in files) != rows:
        raise NotReconciled(
            f"The safety backup of {table.name} lacks rows of {rows}; the table is kept as it was."
        )
    columns = manifest.column_entries(table)
    return TableEntry(
        table=table.name,
        rows=rows,
        content_hash=content_hash(sum(file.hash_total for file in files)),
        schema_fingerprint=manifest.fingerprint(columns),
        columns=columns,
        files=tuple(FileEntry.model_validate(file.model_dump()) for file in files),
    )
