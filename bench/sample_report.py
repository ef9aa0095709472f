"""A generated report, to view the page without a run: `python -m bench.sample_report > report.html`."""

from __future__ import annotations

from dataforge.defaults import QUALITY_THRESHOLD, WHOLE_PROCESSOR_MEGABYTES
from dataforge.runs.results.report import (
    Effort,
    Example,
    Reason,
    Report,
    ReportedFile,
    ReportedTable,
    Workers,
)
from functions.migrate.report.cost import cost, estimate
from functions.migrate.report.effort import Span, phases, throughput
from functions.migrate.report.page import render

_TABLES = {  # read, deduplicated, rejected
    "category_translations": (71, 0, 0),
    "customers": (99_441, 0, 3),
    "geolocations": (1_000_163, 261_831, 1_212),
    "orders": (99_441, 0, 14),
    "order_items": (112_650, 0, 980),
    "order_reviews": (99_224, 0, 6_400),
}
_REASONS: dict[str, list[tuple[str, str | None, int]]] = {
    "customers": [("string_pattern_mismatch", "customer_state", 3)],
    "geolocations": [("string_pattern_mismatch", "geolocation_zip_code_prefix", 1_212)],
    "orders": [("foreign_key", "customer_id", 14)],
    "order_items": [("field_count", None, 980)],
    "order_reviews": [("greater_than_equal", "review_score", 5_210), ("foreign_key", "order_id", 1_190)],
}


def sample_report(word: str = "sample") -> Report:
    """A report of a run that was not published; ``word`` replaces every text of external origin."""
    read, _, rejected = (sum(counts) for counts in zip(*_TABLES.values(), strict=True))
    quality = (read - rejected) / read
    return Report(
        migration_id="20261122T101500Z-89ab12cd",
        execution=f"arn:aws:states:us-east-1:123456789012:execution:Migration:{word}",
        dataset="olist",
        prefix=f"{word}/",
        status="failed",
        error="QualityTooLow",
        cause=f"The quality is below the threshold {QUALITY_THRESHOLD}: order_reviews 0.935500"
        f" (6400 of 99224 rows rejected). {word}",
        mode="swap",
        on_conflict="reject",
        replay=None,
        quality=quality,
        quality_threshold=float(QUALITY_THRESHOLD),
        row_hash="dataforge-row-1",
        started_at="2026-11-22T10:15:00+00:00",
        finished_at="2026-11-22T10:15:20.8+00:00",
        seconds=20.8,
        tables=tuple(_table(name, *counts, word) for name, counts in _TABLES.items()),
        files=tuple(
            ReportedFile(bucket="raw", key=f"{word}/{name}.csv", etag="0", size=1, chunks=1)
            for name in _TABLES
        ),
        ignored_files=(f"{word}/notes.txt",),
        ignored_reasons={f"{word}/notes.txt": f"no table has a file of this name {word}"},
        **dict(_effort()),
        rejection_files=(),
    )


def _effort() -> Effort:
    chunks = [Span(2 + 0.4 * n, 2.9 + 0.4 * n, 30_000 + 4_000 * (n * 7 % 5)) for n in range(34)]
    steps = [("begin", Span(0, 0.02)), ("plan", Span(0.2, 0.5)), ("cut", Span(1.5, 1.6))]
    steps += [("settle", Span(16.4, 20.1)), ("reconcile", Span(20.3, 20.4)), ("publish", Span(20.5, 20.6))]
    used = estimate(
        scans=34,
        chunks=34,
        files=6,
        tables=6,
        marks=34,
        steps=11,
        seconds=45.2,
        megabytes=WHOLE_PROCESSOR_MEGABYTES,
    )
    return Effort(
        phases=tuple(phases(steps, chunks, scans=34)),
        throughput=throughput(chunks),
        workers=Workers(chunks=len(chunks), peak_memory_mb=212),
        cost=cost(used),
    )


def _table(name: str, read: int, deduplicated: int, rejected: int, word: str) -> ReportedTable:
    content = f"{len(name) * 0x9E3779B97F4A7C15 % 2**64:016x}"
    return ReportedTable(
        table=name,
        read=read,
        loaded=read - deduplicated - rejected,
        unchanged=0,
        deduplicated=deduplicated,
        rejected=rejected,
        updated=120 if name == "customers" else 0,
        quality=(read - rejected) / read,
        source_hash=content,
        target_hash=content,
        differences=(),
        rejections=tuple(_reason(*reason, word) for reason in _REASONS.get(name, [])),
        cleanings={"customer_city.trimmed": 41} if name == "customers" else {},
    )


def _reason(code: str, column: str | None, rows: int, word: str) -> Reason:
    raw = (f"7bc2406110b926393aa56f80a40eba40,73fc7af87114b39712e6da79b0a377eb,0,,{word}", None, f"{word},x")
    examples = tuple(
        Example(
            file=f"olist/{word}.csv", line=412 * n, message=f"The value breaks the rule: {word}", raw=text
        )
        for n, text in enumerate(raw, 1)
    )
    return Reason(code=code, column=column, rows=rows, examples=examples)


if __name__ == "__main__":
    print(render(sample_report()))
