"""Migration in process, compared with psql's \\copy and other tools, on clean and on dirty data."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.data import data
from bench.migration import in_process, peers
from bench.server import Server, server
from bench.show import show_table
from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.runs.results.migration import MigratedTable
from local.generate import generate

LIMIT, COPY = "psql \\copy, constraints added after (the limit)", "psql \\copy into the constrained tables"


def main(asked: argparse.Namespace) -> None:
    """Print seconds, rows/s, MB/s, memory and ratios; rounds of Data Forge and psql alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        _compare(running, data(asked, Path(made)), asked.rounds, others=asked.peers)
        _compare_dirty(running, Path(made), asked.orders, asked.rounds)


def _compare_dirty(running: Server, made: Path, orders: int, rounds: int) -> None:
    """Five per cent dirty rows, which psql cannot load, compared with psql on the same data without them."""
    generate(made / "twin", orders=orders, seed=7)
    generate(made / "dirty", orders=orders, seed=7, dirty=0.05)
    peer, rounds_of_ours = [], []
    for _ in range(rounds):
        peer.append(peers.copy_constrained(running, made / "twin"))
        rounds_of_ours.append(_ours(running, made / "dirty", threshold=0))
    base, middle = statistics.median(peer), statistics.median(one.seconds for one in rounds_of_ours)
    read, rejected = (
        sum(getattr(t, name) for t in rounds_of_ours[0].tables) for name in ("read", "rejected")
    )
    rows = [
        ("Data Forge, 5 % of the rows dirty", f"{middle:.2f}", f"{rejected:,}", f"{middle / base:.2f}"),
        ("psql \\copy, the same data clean", f"{base:.2f}", "", "1.00"),
    ]
    show_table(f"Migration of {read:,} generated records", ("", "seconds", "rejected", "ratio"), rows)
    _show_effort(rounds_of_ours)


@dataclass(frozen=True)
class _Round:
    """One migration: seconds by step, the output's tables, and the peak memory of a worker in KiB."""

    steps: dict[str, float]
    tables: tuple[MigratedTable, ...]
    memory: int

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())


def _ours(running: Server, folder: Path, threshold: float = float(QUALITY_THRESHOLD)) -> _Round:
    running.create("ours")
    with in_process.workers(running, "ours", folder) as pool:
        steps, output = in_process.migrate(running, "ours", folder, pool, threshold)
        return _Round(steps, output.tables, in_process.peak_memory(pool))


def _compare(running: Server, clean: Path, rounds: int, *, others: bool) -> None:
    copied, limit, rounds_of_ours = [], [], []
    for _ in range(rounds):
        copied.append(peers.copy_constrained(running, clean))
        rounds_of_ours.append(_ours(running, clean))
        limit.append(peers.copy_then_constrain(running, clean))
    figures = {
        "Data Forge, in process, two workers": statistics.median(one.seconds for one in rounds_of_ours),
        COPY: statistics.median(copied),
        LIMIT: statistics.median(limit),
    }
    if others:
        figures["dlt, its CSV loader, no constraints (once)"] = peers.by_dlt(running, clean)
        name = f"pandas to_sql, no constraints (once, from 1/{peers.PANDAS_SHARE} of the rows)"
        figures[name] = peers.by_pandas(running, clean)
    _show(clean, sum(t.read for t in rounds_of_ours[0].tables), figures)
    _show_effort(rounds_of_ours)


def _show(folder: Path, rows: int, figures: dict[str, float]) -> None:
    size = sum(f.stat().st_size for f in folder.glob("*.csv")) / 1e6
    base = figures[COPY]
    table = [
        (
            name,
            f"{seconds:.2f}",
            f"{rows / seconds:,.0f}",
            f"{size / seconds:.1f}",
            f"{seconds / base:.2f}",
        )
        for name, seconds in figures.items()
    ]
    show_table(
        f"Migration of {rows:,} records, {size:.0f} MB", ("", "seconds", "rows/s", "MB/s", "ratio"), table
    )


def _show_effort(rounds_of_ours: list[_Round]) -> None:
    parts = [
        (step, f"{statistics.median(one.steps[step] for one in rounds_of_ours):.2f}")
        for step in rounds_of_ours[0].steps
    ]
    show_table("Time of each step", ("step", "seconds"), parts)
    print(f"Peak memory of a worker: {max(one.memory for one in rounds_of_ours) / 1024:.0f} MiB")
