"""Plan a run: match files to tables, cut them into ranges and create the shadows; or collect the rejections to replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.errors import NoFiles
from dataforge.files.sources import Taken
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.runs import leases
from dataforge.runs.progress import Plan
from dataforge.runs.step_names import MigrationStep
from dataforge.s3.keys import progress_plan_key, work_list_key
from dataforge.s3.objects import Object, list_objects, put_json
from dataforge.settings import MigrationSettings
from functions.migrate.plan.corrections import read_corrections
from functions.migrate.plan.known import copy_file, read_versions, unchanged_keys
from functions.migrate.plan.layout import Layout, Range, ranges, read_layout
from functions.migrate.plan.register import (
    delete_plan,
    next_chunk,
    register_file,
    register_ignored,
    register_tables,
    sizes,
)
from functions.migrate.plan.rejected_texts import RejectedTexts
from functions.migrate.plan.replay import CHUNK, collect, upgrade
from functions.migrate.plan.resumed import has_loaded, require_unchanged
from functions.migrate.plan.source import match_files
from functions.migrate.plan.waves import waves
from functions.migrate.run.known.record import read_earlier, store_digest
from functions.migrate.run.loaded import loaded_so_far
from functions.migrate.run.migration import KNOWN, MERGE, Replay, Run, read_run
from functions.migrate.run.rejections.limits import create_sequences
from functions.migrate.run.work_items import ScanItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def plan(db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Match and check the files, cut them into ranges and create the shadows.

    Returns "scan" (bucket, key and count of the work items of the scan) and "waves", the order of the tables.
    Raises the errors of ``source`` before it creates anything. Idempotent: it starts over unless chunks are loaded. A
    resumed run keeps those if its files are unchanged, else ``SourceChanged`` is raised.
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
    if run.replay is not None:
        _plan_replay(db, s3, settings, run, run.replay)
        items: list[ScanItem] = []
    else:
        items = _plan_files(db, s3, settings, run)
    _write_progress(db, s3, settings, run)
    key = work_list_key(run.id, MigrationStep.SCAN)
    put_json(s3, settings.report_bucket, key, [item.model_dump(mode="json") for item in items])
    with transaction(db, role=MIGRATION_RUN) as cursor:
        order = waves(cursor, run, settings.unattended_bytes)
    return {"scan": {"bucket": settings.report_bucket, "key": key, "count": len(items)}, "waves": order}


def _plan_replay(db: Connection, s3: S3Client, settings: MigrationSettings, run: Run, replay: Replay) -> None:
    """Collect the rejections to replay, as stored or as the files below the prefix correct them."""
    with transaction(db, role=MIGRATION_RUN) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        if has_loaded(cursor, run):
            upgrade(cursor, run)
            create_sequences(cursor, run.id, run.dataset.name, run.tables)
            return
        delete_plan(cursor, run)
        register_tables(cursor, run)
        corrections = read_corrections(s3, _correction_files(s3, settings, run)) if run.prefix else None
        texts = RejectedTexts(cursor, s3, settings.report_bucket, run)
        count = collect(cursor, run, replay, corrections, texts)
        register_ignored(cursor, run, {key: _not_replayed(rows) for key, rows in texts.missing.items()})
        layout = Layout((), [Range(start, end, 0) for start, end in ranges(0, count, CHUNK)])
        register_file(cursor, run, 0, Object("", f"rejections of {replay}", "", count), "", layout)


def _not_replayed(rows: int) -> str:
    """The reason why an object is listed as ignored: it is gone, or the run may not read it."""
    return f"{rows:,} rejected record{'' if rows == 1 else 's'} cannot be read there any more, and remain rejected"


def _correction_files(s3: S3Client, settings: MigrationSettings, run: Run) -> list[Object]:
    files = list(list_objects(s3, settings.raw_bucket, run.prefix))
    if not files:
        raise NoFiles(settings.raw_bucket, run.prefix)
    return files


def _plan_files(db: Connection, s3: S3Client, settings: MigrationSettings, run: Run) -> list[ScanItem]:
    """Match the files below the prefix and register them. Returns the ranges to scan."""
    bucket = settings.raw_bucket
    files = match_files(s3, run, list_objects(s3, bucket, run.prefix), bucket)
    with transaction(db, role=MIGRATION_RUN) as cursor:
        register_ignored(cursor, run, files.ignored)
        if has_loaded(cursor, run) and run.mode != KNOWN:
            leases.hold(cursor, run.execution, run.dataset.name, [table.name for table in run.tables])
            create_sequences(cursor, run.id, run.dataset.name, run.tables)
            require_unchanged(cursor, run, (file for _, file in files.taken))
            return []
    return _register_files(db, s3, settings, run, files.taken)


def _register_files(
    db: Connection,
    s3: S3Client,
    settings: MigrationSettings,
    run: Run,
    files: list[tuple[Taken, Object]],
) -> list[ScanItem]:
    """Register files and ranges in the ledger and create the shadows. Returns the ranges to scan.

    The findings of an earlier run in files with the same version are copied. Runs into filled tables hash the other files.
    """
    versions = read_versions(s3, (file for _, file in files))
    with transaction(db, role=MIGRATION_RUN) as cursor:
        store_digest(cursor, run)
        earlier = read_earlier(cursor, run)
        same = unchanged_keys(cursor, earlier, versions) if earlier else set()
    layouts = {
        file.key: read_layout(s3, taken, file, settings.chunk_bytes)
        for taken, file in files
        if file.key not in same
    }
    with transaction(db, role=MIGRATION_RUN) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        delete_plan(cursor, run)
        hashed = register_tables(cursor, run) == MERGE
        items: list[ScanItem] = []
        for number, (taken, file) in enumerate(files):
            if earlier and file.key in same:
                copy_file(cursor, run, number, file, next_chunk(cursor, run), earlier)
                continue
            source, layout, version = taken.source.file, layouts[file.key], versions.get(file.key)
            items += register_file(cursor, run, number, file, source, layout, version, hashed=hashed)
    return items


def _write_progress(db: Connection, s3: S3Client, settings: MigrationSettings, run: Run) -> None:
    """Write the planned work, and what of it an earlier execution has done, for clients that follow the run."""
    with transaction(db, role=MIGRATION_RUN) as cursor:
        document = Plan(
            migration_id=run.id,
            dataset=run.dataset.name,
            bytes=sizes(cursor, run),
            loaded=loaded_so_far(cursor, run),
        ).model_dump()
    put_json(s3, settings.report_bucket, progress_plan_key(run.execution), document)
