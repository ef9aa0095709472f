"""Durations in the report: rows per second and phases, computed from the ledger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.runs.results.report import Phase, Throughput
from functions.migrate.report.effort import BUCKETS, Span, phases, throughput

moments = st.floats(min_value=0, max_value=1e5, allow_nan=False)
spans = st.builds(
    lambda start, length, rows: Span(start, start + length, rows),
    moments,
    st.one_of(st.just(0.0), st.floats(min_value=0.01, max_value=1e3)),
    st.integers(min_value=0, max_value=10**6),
)


@given(st.lists(spans, min_size=1, max_size=100))
def test_sum_of_rates_times_seconds_is_the_number_of_rows(chunks: list[Span]) -> None:
    rate = throughput(chunks)
    values = rate.rows_per_second
    assert 1 <= len(values) <= BUCKETS
    assert min(values) >= 0
    rounding = 0.1 * rate.bucket_seconds * len(values)
    total = sum(c.rows for c in chunks)
    assert sum(values) * rate.bucket_seconds == pytest.approx(total, rel=1e-3, abs=rounding)


def test_rows_of_a_chunk_are_spread_over_its_seconds() -> None:
    rate = throughput([Span(10, 12, 100), Span(12, 14, 300)])
    assert rate == Throughput(start=10, bucket_seconds=1, rows_per_second=(50, 50, 150, 150))


def test_rates_are_empty_if_nothing_was_loaded() -> None:
    assert throughput([]).rows_per_second == ()


def test_phases_are_in_order_and_repeated_ones_span_from_first_to_last() -> None:
    steps = [("begin", Span(0, 1)), ("plan", Span(1, 2)), ("cut", Span(5, 6)), ("settle", Span(9, 10))]
    found = phases([*steps, ("settle", Span(12, 14))], [Span(6, 8), Span(7, 9)], scans=3)
    assert [(p.phase, p.start, p.seconds) for p in found] == [
        ("begin", 0, 1),
        ("plan", 1, 1),
        ("scan", 2, 3),
        ("cut", 5, 1),
        ("load", 6, 3),
        ("settle", 9, 5),
    ]


def test_run_without_recorded_steps_has_the_phase_of_its_chunks() -> None:
    assert phases([], [Span(1, 2)], scans=0) == [Phase(phase="load", start=1, seconds=1)]
