"""Costs computed from a table of prices."""

from __future__ import annotations

import re

import pytest

from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.runs.results.cost import Usage
from functions.migrate.report.cost import (
    PRICES,
    cost,
    dollars,
    estimate,
    function_megabytes,
    gb_seconds,
)


def test_prices_have_a_date_and_a_region() -> None:
    assert re.fullmatch(r"20\d\d-[01]\d", PRICES.noted)
    assert PRICES.region == "us-east-1"
    used = estimate(scans=1, chunks=1, files=1, tables=1, marks=1, steps=1, seconds=1.0, megabytes=1024)
    assert cost(used).prices == PRICES


def test_cost_is_usage_times_price() -> None:
    used = Usage(
        function_seconds=1_000_000,
        function_megabytes=2048,
        invocations=1_000_000,
        state_transitions=4_000,
        s3_writes=2_000,
        s3_reads=10_000,
    )
    assert gb_seconds(used) == 2_000_000
    assert dollars(used) == {
        "lambda_seconds": pytest.approx(26.6668),
        "lambda_requests": pytest.approx(0.20),
        "state_transitions": pytest.approx(0.10),
        "s3_requests": pytest.approx(0.014),
        "total": pytest.approx(26.9808),
    }


def test_usage_is_counted_from_items() -> None:
    used = estimate(scans=3, chunks=4, files=2, tables=2, marks=4, steps=8, seconds=10.0, megabytes=1024)
    assert (used.invocations, used.s3_reads, used.s3_writes, used.state_transitions) == (15, 9, 11, 35)


def test_functions_have_the_memory_used_in_the_calculation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)
    assert function_megabytes() == WHOLE_PROCESSOR_MEGABYTES
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    assert function_megabytes() == 512
