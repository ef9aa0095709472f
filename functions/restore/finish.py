"""Last steps of a restore: write the manifest of the safety backup; store its signature, drop the replaced tables, return
the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry
from dataforge.audit.record import record
from dataforge.backups import manifest
from dataforge.backups.signatures import Signature, write_signature
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.rows import one_row
from dataforge.runs import leases
from dataforge.runs.results.restore import CHANGES, Figures, RestoredTable, RestoreOutput
from dataforge.settings import RestoreSettings
from functions.restore.difference import read_figures
from functions.restore.run import UNFINISHED, Run, read_run
from functions.restore.safety_backup import make_manifest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def write_manifest(db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str) -> dict[str, str]:
    """Write the manifest of the safety backup. Returns the version and the SHA-256 to sign.

    Idempotent: after the replaced tables are dropped, the answer comes from the ledger.
    """
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, run_id)
        written = run.manifest or manifest.write(s3, settings.backup_bucket, make_manifest(cursor, run))
        cursor.execute(
            "UPDATE dataforge.restores SET manifest_version = %s, manifest_sha256 = %s WHERE restore_id = %s",
            (*written, run_id),
        )
    return written._asdict()


def finish(
    db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str, signature: Signature | None
) -> RestoreOutput:
    """Sign the safety backup, drop the replaced tables, release the leases. Returns the execution's output. Idempotent.

    A dry run has neither safety backup nor replaced tables. Without ``signature``, the safety backup is completed unsigned:
    an earlier version, whose state machine does not sign, started the execution.
    """
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, run_id)
        figures, adapted = read_figures(cursor, run), _read_adapted(cursor, run)
        selection = _read_selection(cursor, run)
        if run.status == UNFINISHED:
            if signature is None:
                manifest.write(s3, settings.backup_bucket, make_manifest(cursor, run))
            else:
                write_signature(s3, settings.backup_bucket, run.dataset.name, run.id, signature)
        cursor.execute(
            "UPDATE dataforge.restores SET status = %s, finished_at = now() WHERE restore_id = %s AND finished_at IS NULL",
            ("compared" if run.dry_run else "restored", run_id),
        )
        if cursor.rowcount:
            what = {} if run.dry_run else {"safety_backup": run.id}
            record(cursor, Entry("succeeded", run.execution, object=what))
        shadow.drop(cursor, run.id)
        shadow.drop(cursor, run.id + shadow.REPLACED)
        leases.release(cursor, leases.WRITE, run.execution)
    return _output(run, figures, adapted, selection)


def _read_selection(cursor: Cursor, run: Run) -> dict[str, Any]:
    """Whether the signature of the backup was verified, and which newer backups were skipped."""
    cursor.execute(
        "SELECT coalesce(signed, false), coalesce(skipped, '{}') FROM dataforge.restores WHERE restore_id = %s",
        (run.id,),
    )
    signed, skipped = one_row(cursor)
    return {"signed": signed, "skipped": tuple(skipped)}


def _read_adapted(cursor: Cursor, run: Run) -> dict[str, tuple[str, ...]]:
    """How the columns of the backup were adapted, by table."""
    cursor.execute('SELECT "table", adapted FROM dataforge.restore_tables WHERE restore_id = %s', (run.id,))
    return {table: tuple(adapted or ()) for table, adapted in cursor.fetchall()}


def _output(
    run: Run,
    figures: Mapping[str, Figures],
    adapted: Mapping[str, tuple[str, ...]],
    selection: Mapping[str, Any],
) -> RestoreOutput:
    return RestoreOutput(
        restore_id=run.id,
        dataset=run.dataset.name,
        backup=run.backup_id,
        dry_run=run.dry_run,
        **{name: sum(getattr(counts, name) for counts in figures.values()) for name in CHANGES},
        safety_backup=None if run.dry_run else run.id,
        tables=tuple(
            RestoredTable(table=table, adapted=adapted.get(table, ()), **counts.model_dump())
            for table, counts in figures.items()
        ),
        **selection,
    )
