"""Migration: the product's own work beside psql's \\copy, on clean and on dirty data."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from bench import ours, peers
from bench.server import Server, server
from bench.show import show_table
from local.generate import generate


def main(asked: argparse.Namespace) -> None:
    """Print seconds, rows/s, MB/s, memory and ratios; rounds of ours and the peers alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        folder = asked.data or Path(made) / "clean"
        if asked.data is None:
            generate(folder, orders=asked.orders, seed=7)
        _compare(running, folder, asked.rounds)
        _compare_dirty(running, Path(made), asked.orders, asked.rounds)


def _compare_dirty(running: Server, made: Path, orders: int, rounds: int) -> None:
    """Five per cent dirty rows, which psql cannot take, beside psql on the same data without them."""
    generate(made / "twin", orders=orders, seed=7)
    generate(made / "dirty", orders=orders, seed=7, dirty=0.05)
    ours_dirty, peer = [], []
    for _ in range(rounds):
        peer.append(peers.copy_constrained(running, made / "twin"))
        running.create("ours")
        with ours.workers(running, "ours", made / "dirty") as pool:
            steps, output = ours.migrate(running, "ours", made / "dirty", pool, threshold=0)
        ours_dirty.append(sum(steps.values()))
    read, rejected = (sum(t[name] for t in output["tables"]) for name in ("read", "rejected"))
    base = statistics.median(peer)
    middle = statistics.median(ours_dirty)
    rows = [
        ("Data Forge, 5 % of the rows dirty", f"{middle:.2f}", f"{rejected:,}", f"{middle / base:.2f}"),
        ("psql \\copy, the same data clean", f"{base:.2f}", "", "1.00"),
    ]
    show_table(f"Migration of {read:,} generated records", ("", "seconds", "rejected", "ratio"), rows)


def _compare(running: Server, clean: Path, rounds: int) -> None:
    figures: dict[str, list[float]] = {"constrained": [], "limit": [], "ours": []}
    laps: dict[str, list[float]] = {}
    memory = rows = 0
    for _ in range(rounds):
        figures["constrained"].append(peers.copy_constrained(running, clean))
        running.create("ours")
        with ours.workers(running, "ours", clean) as pool:
            steps, output = ours.migrate(running, "ours", clean, pool)
            memory = max(memory, ours.peak_memory(pool))
        for name, seconds in steps.items():
            laps.setdefault(name, []).append(seconds)
        figures["ours"].append(sum(steps.values()))
        rows = sum(t["read"] for t in output["tables"])
        figures["limit"].append(peers.copy_then_constrain(running, clean))
    _show(clean, rows, figures, laps, memory)


def _show(
    folder: Path, rows: int, figures: dict[str, list[float]], laps: dict[str, list[float]], memory: int
) -> None:
    size = sum(f.stat().st_size for f in folder.glob("*.csv")) / 1e6
    names = {
        "ours": "Data Forge, in process, two workers",
        "constrained": "psql \\copy into the constrained tables",
        "limit": "psql \\copy, constraints added after (the limit)",
    }
    base = statistics.median(figures["constrained"])
    table = []
    for key, name in names.items():
        seconds = statistics.median(figures[key])
        table.append(
            (
                name,
                f"{seconds:.2f}",
                f"{rows / seconds:,.0f}",
                f"{size / seconds:.1f}",
                f"{seconds / base:.2f}",
            )
        )
    show_table(
        f"Migration of {rows:,} records, {size:.0f} MB", ("", "seconds", "rows/s", "MB/s", "ratio"), table
    )
    parts = [(name, f"{statistics.median(values):.2f}") for name, values in laps.items()]
    show_table("Where our time goes", ("step", "seconds"), parts)
    print(f"Peak memory of a worker: {memory / 1024:.0f} MiB")
