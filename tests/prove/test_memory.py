"""The peak memory of each step of the functions does not grow with the data, on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.memory.benchmark import FORMS, LIMIT, measure
from bench.server import server

SMALL, LARGE = 32, 128
"""MiB of text."""
PART = 16 << 20
"""Bytes of a file of a backup, so that both sizes have several."""
GROWTH = 1.25
"""Samples for suggestions grow up to a fixed number of records. Memory of the larger files would be two fifths more."""


@pytest.mark.parametrize("form", ["CSV", "gzip, 5 % dirty"])
def test_peak_memory_of_each_step_is_the_same_for_four_times_the_data(tmp_path: Path, form: str) -> None:
    with server() as running:
        small, large = (
            measure(running, tmp_path, size, FORMS[form], part_bytes=PART).peaks for size in (SMALL, LARGE)
        )
    assert max(large.values()) <= LIMIT, large
    grown = {step: (small[step], peak) for step, peak in large.items() if peak > GROWTH * small[step]}
    assert not grown
