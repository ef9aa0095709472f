"""Migration in process of the same data in several forms, as the ratio to the CSVs as they are."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.data import data
from bench.migration import in_process
from bench.migration.written import WAYS
from bench.processors import of_workers
from bench.server import Server, server
from bench.show import show_table
from dataforge.runs.results.migration import MigratedTable

Effort = tuple[float, float, float]
"""Seconds, seconds of the load step, and processor seconds of the workers."""


def main(asked: argparse.Namespace) -> None:
    """Print the efforts and their ratios; the rounds of the forms alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        original = data(asked, Path(made))
        folders = dict.fromkeys(WAYS, original)
        for number, (way, (write, _)) in enumerate(WAYS.items()):
            if write is not None:
                folders[way] = Path(made) / f"form{number}"
                write(original, folders[way])
        rounds: dict[str, list[Effort]] = {way: [] for way in WAYS}
        counts: dict[str, tuple[int, int]] = {}
        for _ in range(asked.rounds):
            for way, (_, declare) in WAYS.items():
                effort, tables = _migrate(running, folders[way], declare)
                rounds[way].append(effort)
                counts[way] = sum(t.read for t in tables), sum(t.rejected for t in tables)
    if len(set(counts.values())) > 1:
        raise SystemExit(f"The forms have different results (read, rejected): {counts}")
    _show(next(iter(counts.values()))[0], rounds)


def _migrate(
    running: Server, folder: Path, declare: Callable[[], None]
) -> tuple[Effort, tuple[MigratedTable, ...]]:
    declare()
    running.create("ours")
    with in_process.workers(running, "ours", folder, declare) as pool:
        before = of_workers()
        steps, output = in_process.migrate(running, "ours", folder, pool, threshold=0)
        spent = of_workers() - before
    return (sum(steps.values()), steps["load"], spent), output.tables


def _show(records: int, rounds: dict[str, list[Effort]]) -> None:
    middle = {
        way: tuple(statistics.median(figures) for figures in zip(*efforts, strict=True))
        for way, efforts in rounds.items()
    }
    base = next(iter(middle.values()))
    rows = [
        (
            way,
            *(
                text
                for one, of in zip(figures, base, strict=True)
                for text in (f"{one:.2f}", f"{one / of:.2f}")
            ),
        )
        for way, figures in middle.items()
    ]
    head = ("", "seconds", "ratio", "load", "ratio", "processor", "ratio")
    show_table(f"Migration of {records:,} records in other forms", head, rows)
