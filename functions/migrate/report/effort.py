"""The report's phases, throughput, memory and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.runs.results.report import Effort, Phase, Throughput, Workers
from dataforge.runs.step_names import MigrationStep
from functions.migrate.report.cost import cost, estimate, function_megabytes
from functions.migrate.run.ledger import TALLIES
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


BUCKETS = 40


@dataclass(frozen=True)
class Span:
    """The time from ``start`` to ``end``, in seconds since the start of the run, in which ``rows`` were loaded."""

    start: float
    end: float
    rows: int = 0


def effort_of(cursor: Cursor, run: Run) -> Effort:
    """The keys ``phases``, ``throughput``, ``workers`` and ``cost`` of the report."""
    chunks, peak = _chunks(cursor, run)
    steps = _steps(cursor, run)
    scans, scan_seconds = _scans(cursor, run)
    files, marks = _objects(cursor, run)
    seconds = sum(s.end - s.start for s in chunks) + sum(s.end - s.start for _, s in steps) + scan_seconds
    usage = estimate(
        scans=scans,
        chunks=len(chunks),
        files=files,
        tables=len(run.tables),
        marks=marks,
        steps=len(steps),
        seconds=seconds,
        megabytes=function_megabytes(),
    )
    return Effort(
        phases=tuple(phases(steps, chunks, scans)),
        throughput=throughput(chunks),
        workers=Workers(chunks=len(chunks), peak_memory_mb=peak),
        cost=cost(usage),
    )


def _chunks(cursor: Cursor, run: Run) -> tuple[list[Span], int]:
    """The loaded chunks, and the peak memory of the workers in MiB."""
    cursor.execute(
        Sql(
            "SELECT extract(epoch FROM c.loaded_at - m.started_at)::float,"
            " coalesce((c.result->>'seconds')::float, 0), coalesce((c.result->>'memory_mb')::float, 0)::int,"
            " (SELECT coalesce(sum((value->>'read')::bigint), 0)::bigint "
            "  FROM jsonb_each({}))"
            " FROM dataforge.migration_chunks c JOIN dataforge.migrations m USING (migration_id)"
            " WHERE migration_id = %s AND c.result IS NOT NULL AND NOT c.result ? 'known' ORDER BY c.loaded_at"
        ).format(TALLIES),
        (run.id,),
    )
    rows = cursor.fetchall()
    spans = [Span(end - seconds, end, count) for end, seconds, _, count in rows]
    return spans, max((memory for _, _, memory, _ in rows), default=0)


def _steps(cursor: Cursor, run: Run) -> list[tuple[str, Span]]:
    cursor.execute(
        "SELECT step, extract(epoch FROM ended_at - started_at)::float, seconds"
        " FROM dataforge.migration_steps JOIN dataforge.migrations USING (migration_id)"
        " WHERE migration_id = %s ORDER BY ended_at",
        (run.id,),
    )
    return [(step, Span(end - seconds, end)) for step, end, seconds in cursor.fetchall()]


def _scans(cursor: Cursor, run: Run) -> tuple[int, float]:
    cursor.execute(
        "SELECT count(*), coalesce(sum((scan->>'seconds')::float), 0) FROM dataforge.migration_chunks"
        " WHERE migration_id = %s AND scan IS NOT NULL AND NOT scan ? 'known'",
        (run.id,),
    )
    count, seconds = one_row(cursor)
    return int(count), float(seconds)


def _objects(cursor: Cursor, run: Run) -> tuple[int, int]:
    """The number of files, and of progress objects: one per chunk and table."""
    cursor.execute(
        Sql(
            "SELECT (SELECT count(*) FROM dataforge.migration_files WHERE migration_id = %(id)s),"
            " (SELECT count(*) FROM dataforge.migration_chunks c,"
            "  jsonb_each({}) t WHERE migration_id = %(id)s)"
        ).format(TALLIES),
        {"id": run.id},
    )
    files, marks = one_row(cursor)
    return int(files), int(marks)


def phases(steps: list[tuple[str, Span]], chunks: list[Span], scans: int) -> list[Phase]:
    """The phases of a run in order, each with start and duration in seconds. The scan is the time between plan and cut.

    A repeated phase (resolve, after concurrent writes) lasts from its first start to its last end.
    """
    found: dict[str, Span] = {}
    for name, span in (*steps, *((MigrationStep.LOAD, chunk) for chunk in chunks)):
        known = found.get(name, span)
        found[name] = Span(min(known.start, span.start), max(known.end, span.end))
    if scans and MigrationStep.PLAN in found and MigrationStep.CUT in found:
        found[MigrationStep.SCAN] = Span(found[MigrationStep.PLAN].end, found[MigrationStep.CUT].start)
    return [
        Phase(phase=name, start=round(max(span.start, 0), 3), seconds=round(span.end - span.start, 3))
        for name, span in sorted(found.items(), key=lambda item: item[1].start)
    ]


def throughput(chunks: list[Span]) -> Throughput:
    """Rows per second of the load in equal intervals. The rows of a chunk are distributed over its time."""
    if not chunks:
        return Throughput(start=0.0, bucket_seconds=0.0, rows_per_second=())
    start, end = min(c.start for c in chunks), max(c.end for c in chunks)
    count = min(BUCKETS, 2 * len(chunks))
    width = max((end - start) / count, 0.001)
    rows = [0.0] * count
    for chunk in chunks:
        first, last = (min(int((at - start) / width), count - 1) for at in (chunk.start, chunk.end))
        for index in range(first, last + 1):
            rows[index] += chunk.rows * (
                1 if first == last else _overlap(chunk, start + index * width, width)
            )
    return Throughput(
        start=round(max(start, 0), 3),
        bucket_seconds=round(width, 6),
        rows_per_second=tuple(round(value / width, 1) for value in rows),
    )


def _overlap(chunk: Span, start: float, width: float) -> float:
    """The share of the chunk's time in the interval."""
    inside = min(chunk.end, start + width) - max(chunk.start, start)
    return max(0.0, inside) / (chunk.end - chunk.start)
