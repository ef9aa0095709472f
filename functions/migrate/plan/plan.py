"""The plan: files, byte ranges, shadow tables; or, of a replay, the rejections that are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.errors import NoFiles
from dataforge.files.sources import Taken
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.runs import leases
from dataforge.runs.progress import Plan
from dataforge.s3.keys import progress_plan_key, work_list_key
from dataforge.s3.objects import Object, list_objects, put_json
from dataforge.settings import MigrationSettings
from functions.migrate.lifecycle.resume import check_unchanged, has_loaded, loaded_so_far
from functions.migrate.plan.corrections import read_corrections
from functions.migrate.plan.layout import Layout, ranges, read_layout
from functions.migrate.plan.register import enter_file, enter_ignored, enter_tables, forget, sizes
from functions.migrate.plan.replay import CHUNK, collect, reopen
from functions.migrate.plan.source import match_files
from functions.migrate.run.migration import Replay, Run, read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def plan(db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Find and check the files, cut them into ranges, create the shadows.

    Returns the work list of the scan ("scan": bucket, key, count; a file of one range needs none) and "waves" of tables.
    Raises the errors of ``source`` before anything is created. Repeating it starts over, unless chunks are loaded: a run
    that is resumed keeps them, if its files are unchanged (``SourceChanged``).
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
    if run.replay is not None:
        _open_replay(db, s3, settings, run, run.replay)
        return _planned(s3, settings, run, [])
    bucket = settings.raw_bucket
    files = match_files(run, list_objects(s3, bucket, run.prefix), bucket)
    with transaction(db, role=OWNER) as cursor:
        enter_ignored(cursor, run, files.ignored)
        resumed = has_loaded(cursor, run)
        if resumed:
            leases.hold(cursor, run.execution, run.dataset.name, [table.name for table in run.tables])
            check_unchanged(cursor, run, (file for _, file in files.taken))
    items = [] if resumed else _open(db, s3, settings, run, files.taken)
    _announce(db, s3, settings, run)
    return _planned(s3, settings, run, items)


def _planned(
    s3: S3Client, settings: MigrationSettings, run: Run, items: list[dict[str, Any]]
) -> dict[str, Any]:
    """Write the scan's work list; the step's result."""
    key = work_list_key(run.id, "scan")
    put_json(s3, settings.report_bucket, key, items)
    waves = run.dataset.waves(table.name for table in run.tables)
    return {"scan": {"bucket": settings.report_bucket, "key": key, "count": len(items)}, "waves": waves}


def _open_replay(db: Connection, s3: S3Client, settings: MigrationSettings, run: Run, replay: Replay) -> None:
    """Collect the rejections to replay, from the ledger or as the files below the prefix correct them."""
    with transaction(db, role=OWNER) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        if has_loaded(cursor, run):
            reopen(cursor, run)
        else:
            forget(cursor, run)
            enter_tables(cursor, run)
            corrections = read_corrections(s3, _corrected(s3, settings, run)) if run.prefix else None
            count = collect(cursor, run, replay, corrections)
            numbers = Layout((), [(start, end, 0) for start, end in ranges(0, count, CHUNK)])
            enter_file(cursor, run, 0, Object("", f"rejections of {replay}", "", count), "", numbers)
    _announce(db, s3, settings, run)


def _corrected(s3: S3Client, settings: MigrationSettings, run: Run) -> list[Object]:
    files = list(list_objects(s3, settings.raw_bucket, run.prefix))
    if not files:
        raise NoFiles(settings.raw_bucket, run.prefix)
    return files


def _open(
    db: Connection, s3: S3Client, settings: MigrationSettings, run: Run, files: list[tuple[Taken, Object]]
) -> list[dict[str, Any]]:
    """Enter files and ranges into the ledger and create the shadows; returns the ranges to scan."""
    layouts = [read_layout(s3, taken, file, settings.chunk_bytes) for taken, file in files]
    with transaction(db, role=OWNER) as cursor:
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        forget(cursor, run)
        items: list[dict[str, Any]] = []
        for number, ((taken, file), layout) in enumerate(zip(files, layouts, strict=True)):
            items += enter_file(cursor, run, number, file, taken.source.file, layout)
        enter_tables(cursor, run)
    return items


def _announce(db: Connection, s3: S3Client, settings: MigrationSettings, run: Run) -> None:
    """Publish what is to be done, and what an earlier execution has done of it, for whoever follows the run."""
    with transaction(db, role=OWNER) as cursor:
        document = Plan(
            migration_id=run.id,
            dataset=run.dataset.name,
            bytes=sizes(cursor, run),
            loaded=loaded_so_far(cursor, run),
        ).model_dump()
    put_json(s3, settings.report_bucket, progress_plan_key(run.execution), document)
