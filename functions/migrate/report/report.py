"""The report of a migration: report.json for programs, report.html for people, and the execution's output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from dataforge.files.names import in_order
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.records.validate import ROW_HASH
from dataforge.runs.results.migration import COUNTS, MigratedTable, MigrationOutput
from dataforge.runs.results.report import Orphans, RejectionFile, Report, ReportedTable, SuggestedFix
from dataforge.s3.keys import report_key, report_page_key
from dataforge.s3.objects import put_json
from dataforge.settings import MigrationSettings
from functions.migrate.report.effort import effort_of
from functions.migrate.report.files import files_of
from functions.migrate.report.rejection_files import write_rejections, write_replayed
from functions.migrate.report.rejections import cleanings_of, rejections_of
from functions.migrate.run.ledger import read_ignored_files
from functions.migrate.run.migration import KNOWN, REBUILD, SWAP, Run, read_run
from functions.migrate.run.rejections.read import read_uncounted
from functions.migrate.run.rejections.reasons import StoredReason
from functions.migrate.run.suggestions import suggestions_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


OUTPUT_BYTES = 64 << 10
"""The limit for the names of ignored files in an execution's output, which Step Functions limits to 256 KiB."""


def report(db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str) -> MigrationOutput:
    """Write report.json and report.html to the run's folder, and return the execution's output. Repeating it is harmless."""
    # Imported on first use: two functions share the handler, and only the one that writes reports has Jinja2.
    from functions.migrate.report.page import render  # noqa: PLC0415

    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        files, reasons = write_rejections(cursor, s3, settings.report_bucket, run)
        document = _document(cursor, run, files, reasons, settings.rejection_days)
        write_replayed(cursor, s3, settings.report_bucket, run)
    key = report_key(run.id)
    put_json(s3, settings.report_bucket, key, document.document())
    s3.put_object(
        Bucket=settings.report_bucket,
        Key=report_page_key(run.id),
        Body=render(document).encode(),
        ContentType="text/html; charset=utf-8",
    )
    return _output(document, f"s3://{settings.report_bucket}/{key}")


def _output(document: Report, uri: str) -> MigrationOutput:
    return MigrationOutput(
        migration_id=document.migration_id,
        status=document.status,
        dataset=document.dataset,
        quality=document.quality,
        tables=tuple(MigratedTable.model_validate(table.model_dump()) for table in document.tables),
        ignored_files=tuple(fitting_keys(document.ignored_files)),
        ignored_count=len(document.ignored_files),
        report=uri,
        known_tables=document.known_tables,
    )


def fitting_keys(keys: Iterable[str]) -> list[str]:
    """As many keys as fit into an execution's output. The report contains all of them."""
    left, fitting = OUTPUT_BYTES, []
    for key in keys:
        left -= len(json.dumps(key)) + 1
        if left < 0:
            break
        fitting.append(key)
    return fitting


def _document(
    cursor: Cursor,
    run: Run,
    rejection_files: Iterable[RejectionFile],
    stored: Sequence[StoredReason],
    rejection_days: int,
) -> Report:
    cursor.execute(
        "SELECT status, quality, error, cause, started_at, coalesce(finished_at, now()), ignored_files"
        " FROM dataforge.migrations"
        " WHERE migration_id = %s",
        (run.id,),
    )
    status, quality, error, cause, started, finished, ignored = one_row(cursor)
    ignored_files = read_ignored_files(ignored)
    return Report(
        migration_id=run.id,
        execution=run.execution,
        dataset=run.dataset.name,
        prefix=run.prefix,
        status=status,
        error=error,
        cause=cause,
        mode=SWAP if run.mode == REBUILD else run.mode,
        on_conflict=run.on_conflict,
        replay=run.replay and run.replay.model_dump(),
        quality=_share(quality),
        quality_threshold=float(run.threshold),
        row_hash=ROW_HASH,
        started_at=started.isoformat(),
        finished_at=finished.isoformat(),
        seconds=round((finished - started).total_seconds(), 3),
        tables=tuple(_tables(cursor, run, stored)),
        files=tuple(files_of(cursor, run)),
        ignored_files=tuple(in_order(ignored_files)),
        ignored_reasons=ignored_files,
        **dict(effort_of(cursor, run)),
        rejection_files=tuple(rejection_files),
        rejections_expire=f"{started + timedelta(days=rejection_days):%Y-%m-%d}",
        rejections_without_row=sum(some.rows for some in read_uncounted(cursor, run.id).values()),
        known_tables=tuple(_known_tables(cursor, run)),
    )


def _share(quality: Decimal | None) -> float | None:
    """The quality as a number, or None before reconciliation."""
    return None if quality is None else float(quality)


def _known_tables(cursor: Cursor, run: Run) -> Iterator[str]:
    cursor.execute(
        "SELECT \"table\" FROM dataforge.migration_tables WHERE migration_id = %s AND settled->>'mode' = %s",
        (run.id, KNOWN),
    )
    known = {name for (name,) in cursor.fetchall()}
    return (table.name for table in run.tables if table.name in known)


def _tables(cursor: Cursor, run: Run, stored: Sequence[StoredReason]) -> Iterator[ReportedTable]:
    """The tables that the ledger has, in the run's order."""
    reasons, cleanings = rejections_of(cursor, run, stored), cleanings_of(cursor, run)
    suggestions = suggestions_of(cursor, run, stored)
    cursor.execute(
        Sql(
            "SELECT \"table\", {}, updated, quality, source_hash, target_hash, settled->'differences',"
            " settled->'orphans'"
            " FROM dataforge.migration_tables WHERE migration_id = %s"
        ).format(Sql(", ").join(map(ident, COUNTS))),
        (run.id,),
    )
    rows = {row[0]: row for row in cursor.fetchall()}
    for table in run.tables:
        if table.name in rows:
            name, *counts, updated, quality, source, target, differences, orphans = rows[table.name]
            yield ReportedTable(
                table=name,
                **dict(zip(COUNTS, counts, strict=True)),
                updated=updated,
                quality=_share(quality),
                source_hash=source,
                target_hash=target,
                differences=tuple(differences or ()),
                rejections=reasons.get(name, ()),
                cleanings=cleanings.get(name, {}),
                orphans=tuple(map(Orphans.model_validate, orphans or ())),
                suggestions=tuple(SuggestedFix(**asdict(s)) for s in suggestions.get(name, ())),
            )
