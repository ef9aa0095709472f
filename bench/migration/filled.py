"""Migration into filled tables, compared with the same by hand: new rows, the same rows, and changed rows of one table."""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from bench.folder_store import FolderStore
from bench.migration import in_process
from bench.migration.by_hand import merge_by_hand
from bench.processors import Cost, of_server
from bench.server import Server, server
from bench.show import show_table
from dataforge.postgres.sql import Sql, ident
from local import postgres
from local.generate import generate

FILLED = "filled"
CHANGED = 100_000
"""Changed rows of the table of customers."""


@dataclass(frozen=True)
class Round:
    """One migration: its cost, its steps, and the peak memory of a worker in KiB."""

    cost: Cost
    steps: dict[str, float]
    memory: int


def main(asked: argparse.Namespace) -> None:
    """Print seconds of wall and processor time with their ratios; rounds of both alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        first, second, changed = (Path(made) / name for name in ("first", "second", "changed"))
        generate(first, orders=asked.orders, seed=7)
        generate(second, orders=asked.orders, seed=8)
        _change(first, changed)
        _fill(running, first)
        for title, folder, rule, versioned in (
            ("As many new rows into filled tables", second, "reject", False),
            ("The same files again, all rows unchanged", first, "reject", False),
            ("The same files again, known by their versions", first, "reject", True),
            (
                f"The same files, {CHANGED:,} rows of one table changed, on_conflict: update",
                changed,
                "update",
                False,
            ),
        ):
            _compare(running, title, folder, rule, asked.rounds, versioned=versioned)


def _change(folder: Path, target: Path) -> None:
    """Copy the files, with another city in the first customers."""
    shutil.copytree(folder, target)
    path = target / "olist_customers_dataset.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    city = rows[0].index("customer_city")
    for row in rows[1 : 1 + CHANGED]:
        row[city] = f"{row[city]} nova"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _fill(running: Server, folder: Path) -> None:
    """Create a database with the folder's rows, from which each round begins."""
    running.create(FILLED)
    with in_process.workers(running, FILLED, folder) as pool:
        # Later rounds of a store without versions load the same files again.
        store = FolderStore(folder, in_process.PREFIX, versioned=True)
        in_process.migrate(running, FILLED, folder, pool, 0, store=store)
    with closing(psycopg2.connect(running.superuser_url(FILLED))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


def _copy(running: Server, database: str) -> None:
    with closing(psycopg2.connect(postgres.url(running.config, "postgres"))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(Sql("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(database)))
            cursor.execute(
                Sql("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    ident(database), ident(FILLED)
                )
            )
            cursor.execute(
                Sql("ALTER DATABASE {} OWNER TO {}").format(ident(database), ident("bench_master"))
            )
            cursor.execute(Sql("GRANT CREATE ON DATABASE {} TO dataforge_owner").format(ident(database)))
            cursor.execute("CHECKPOINT")


def ours(running: Server, database: str, folder: Path, rule: str, *, versioned: bool = False) -> Round:
    """Migrate into the database. ``versioned``: the files have versions, so that they may be known."""
    store = FolderStore(folder, in_process.PREFIX, versioned=versioned)
    with in_process.workers(running, database, folder) as pool:
        spent = of_server(running), in_process.processor_seconds(pool), time.process_time()
        begun = time.perf_counter()
        steps, _ = in_process.migrate(running, database, folder, pool, 0, rule, store=store)
        seconds = time.perf_counter() - begun
        client = in_process.processor_seconds(pool) + time.process_time() - spent[1] - spent[2]
        cost = Cost(seconds, of_server(running) - spent[0], client)
        return Round(cost, steps, in_process.peak_memory(pool))


def _compare(running: Server, title: str, folder: Path, rule: str, rounds: int, *, versioned: bool) -> None:
    peer: list[Cost] = []
    rounds_of_ours: list[Round] = []
    for _ in range(rounds):
        _copy(running, "ours")
        rounds_of_ours.append(ours(running, "ours", folder, rule, versioned=versioned))
        _copy(running, "peer")
        peer.append(merge_by_hand(running, "peer", folder, update=rule == "update"))
    costs = [one.cost for one in rounds_of_ours]
    base = statistics.median(one.seconds for one in peer)
    base_cpu = statistics.median(one.server + one.client for one in peer)
    head = ("", "seconds", "from", "to", "server CPU", "client CPU", "ratio", "ratio of CPU")
    rows = [
        _row(name, found, base, base_cpu)
        for name, found in (("Data Forge", costs), ("by hand, two sessions", peer))
    ]
    show_table(title, head, rows)
    names = rounds_of_ours[0].steps
    parts = [f"{n} {statistics.median(one.steps[n] for one in rounds_of_ours):.2f}" for n in names]
    print(f"  {', '.join(parts)}")
    print(f"  peak memory of a worker {max(one.memory for one in rounds_of_ours) / 1024:.0f} MiB")


def _row(name: str, costs: Sequence[Cost], base: float, base_cpu: float) -> tuple[str, ...]:
    seconds = [one.seconds for one in costs]
    server_cpu, client_cpu = (
        statistics.median(getattr(one, part) for one in costs) for part in ("server", "client")
    )
    middle = statistics.median(seconds)
    cpu = statistics.median(one.server + one.client for one in costs)
    return (
        name,
        *(f"{value:.2f}" for value in (middle, min(seconds), max(seconds), server_cpu, client_cpu)),
        f"{middle / base:.2f}",
        f"{cpu / base_cpu:.2f}",
    )
