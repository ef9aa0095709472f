"""Migration in process, compared with psql's \\copy and other tools, on clean and on dirty data."""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import goals
from bench.data import data
from bench.migration import copies, peers
from bench.migration.in_process import Round, migrate_once, show_rounds
from bench.processors import Cost, median_seconds, show_costs
from bench.server import Server, server
from bench.show import show_table
from local.generate import generate

OURS = "Data Forge, two workers"
ONE = "psql \\copy, one session"
TWO = "psql \\copy, two sessions: "
UNLOGGED = "the best of these, unlogged until full"
LIMIT = "\\copy with FREEZE, constraints after, two sessions (the limit)"


def main(asked: argparse.Namespace) -> None:
    """Print seconds of wall and processor time, and ratios to the best of psql in two sessions; rounds alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        folder = data(asked, Path(made))
        best = _compare(running, folder, asked.rounds)
        if asked.peers:
            _compare_tools(running, folder)
        _compare_dirty(running, Path(made), asked.orders, asked.rounds, best)


def _compare(running: Server, folder: Path, rounds: int) -> str:
    """Returns the fastest arrangement of two sessions."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    rounds_of_ours: list[Round] = []
    for _ in range(rounds):
        rounds_of_ours.append(_ours(running, folder))
        costs[OURS].append(rounds_of_ours[-1].cost)
        costs[ONE].append(copies.copy_constrained(running, folder, copies.ONE_SESSION))
        for name, stages in copies.TWO_SESSIONS.items():
            costs[TWO + name].append(copies.copy_constrained(running, folder, stages))
        stages = copies.TWO_SESSIONS[_best(costs)]
        costs[UNLOGGED].append(copies.copy_unlogged(running, folder, stages))
        costs[LIMIT].append(copies.copy_then_constrain(running, folder, stages))
    size = sum(f.stat().st_size for f in folder.glob("*.csv")) / 1e6
    title = f"Migration of {_read(rounds_of_ours):,} records, {size:.0f} MB, into empty constrained tables"
    show_costs(title, costs, TWO + _best(costs), {OURS: goals.EMPTY})
    show_rounds(rounds_of_ours)
    return _best(costs)


def _best(costs: Mapping[str, Sequence[Cost]]) -> str:
    return min(copies.TWO_SESSIONS, key=lambda name: median_seconds(costs[TWO + name]))


def _compare_dirty(running: Server, made: Path, orders: int, rounds: int, best: str) -> None:
    """Five per cent dirty rows, which psql cannot load, compared with psql on the same data without them."""
    generate(made / "twin", orders=orders, seed=7)
    generate(made / "dirty", orders=orders, seed=7, dirty=0.05)
    peer, rounds_of_ours = [], []
    for _ in range(rounds):
        peer.append(copies.copy_constrained(running, made / "twin", copies.TWO_SESSIONS[best]))
        rounds_of_ours.append(_ours(running, made / "dirty"))
    rejected = sum(table.rejected for table in rounds_of_ours[0].tables)
    title = f"Migration of {_read(rounds_of_ours):,} generated records, 5 % dirty ({rejected:,} rejected)"
    clean = f"{TWO}{best}, clean"
    show_costs(title, {OURS: [one.cost for one in rounds_of_ours], clean: peer}, clean, {OURS: goals.DIRTY})
    show_rounds(rounds_of_ours)


def _ours(running: Server, folder: Path) -> Round:
    running.create("ours")
    return migrate_once(running, "ours", folder)


def _read(rounds: Sequence[Round]) -> int:
    return sum(table.read for table in rounds[0].tables)


def _compare_tools(running: Server, folder: Path) -> None:
    share = peers.PANDAS_SHARE
    rows = {
        "DuckDB with its extension for PostgreSQL": peers.by_duckdb(running, folder),
        "dlt, its CSV loader": peers.by_dlt(running, folder),
        f"pandas to_sql (from 1/{share} of the rows)": peers.by_pandas(running, folder),
    }
    show_table(
        "Other tools, each once, into tables without constraints",
        ("", "seconds"),
        [(name, f"{seconds:.2f}") for name, seconds in rows.items()],
    )
