"""The page of a check: the report of a migration, without the parts that need a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from dataforge.files.names import in_order
from dataforge.records.validate import ROW_HASH
from dataforge.runs.results.report import (
    Report,
    ReportedFile,
    ReportedTable,
    SuggestedFix,
    Throughput,
    Workers,
)
from discovery.check.check import CheckResult, TableResult
from functions.migrate.report.cost import cost, estimate
from functions.migrate.report.page import render


def page(
    result: CheckResult, *, dataset: str, folder: str, threshold: float, started: datetime, ended: datetime
) -> str:
    """The page as HTML. Times have a zone."""
    passed = result.passes(threshold)
    report = Report(
        migration_id=folder,
        execution="",
        dataset=dataset,
        prefix=folder,
        status="passed" if passed else "failed",
        error=None,
        cause=None if passed else result.failure(threshold),
        mode="swap",
        on_conflict="reject",
        replay=None,
        quality=result.quality,
        quality_threshold=threshold,
        row_hash=ROW_HASH,
        started_at=started.isoformat(),
        finished_at=ended.isoformat(),
        seconds=round((ended - started).total_seconds(), 3),
        tables=tuple(map(_table, result.tables)),
        files=tuple(_files(result)),
        ignored_files=tuple(in_order(result.ignored)),
        ignored_reasons=result.ignored,
        phases=(),
        throughput=Throughput(start=0, bucket_seconds=0, rows_per_second=()),
        workers=Workers(chunks=0, peak_memory_mb=0),
        cost=cost(estimate(scans=0, chunks=0, files=0, tables=0, marks=0, steps=0, seconds=0, megabytes=0)),
        rejection_files=(),
    )
    return render(report, offline=True)


def _files(result: CheckResult) -> Iterator[ReportedFile]:
    for name, size in result.files.items():
        yield ReportedFile(bucket="", key=name, etag="", size=size, chunks=1)


def _table(table: TableResult) -> ReportedTable:
    return ReportedTable(
        table=table.table,
        read=table.read,
        loaded=table.loaded,
        unchanged=0,
        deduplicated=table.deduplicated,
        rejected=table.rejected,
        updated=0,
        quality=table.quality,
        source_hash=None,
        target_hash=None,
        differences=(),
        rejections=table.reasons,
        cleanings=dict(table.cleanings),
        orphans=tuple(table.orphans.values()),
        suggestions=tuple(SuggestedFix(**asdict(suggestion)) for suggestion in table.suggestions),
    )
