"""Migration into filled tables, compared with the same by hand: new rows, the same rows, and changed rows of one table."""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psycopg2

from bench import goals
from bench.folder_store import FolderStore
from bench.migration import in_process
from bench.migration.by_hand import merge_by_hand
from bench.migration.in_process import Round, migrate_once, show_rounds
from bench.processors import Cost, show_costs
from bench.server import Server, server
from dataforge.postgres.sql import Sql, ident
from local import postgres
from local.generate import generate

FILLED = "filled"
CHANGED = 100_000
"""Changed rows of the table of customers."""


class Case(NamedTuple):
    """The files of a run, and how it is done."""

    title: str
    folder: Path
    work: str = ""
    """Of `goals`, if there is a goal."""
    rule: str = "reject"
    """``on_conflict``."""
    versioned: bool = False
    """Whether the store has versions of objects."""


def main(asked: argparse.Namespace) -> None:
    """Print seconds of wall and processor time with their ratios; rounds of both alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        first, second, changed, shuffled = (
            Path(made) / name for name in ("first", "second", "changed", "shuffled")
        )
        generate(first, orders=asked.orders, seed=7)
        generate(second, orders=asked.orders, seed=8)
        _change(first, changed)
        _shuffle(first, shuffled)
        _fill(running, first)
        update = f"The same files, {CHANGED:,} rows of one table changed, on_conflict: update"
        for case in (
            Case("As many new rows into filled tables", second, goals.NEW),
            Case("The same files again, known by their content", first, goals.UNCHANGED),
            Case("The same files again, known by their versions", first, goals.KNOWN, versioned=True),
            Case("The same rows in another order, so that all are compared", shuffled),
            Case(update, changed, goals.CHANGED, rule="update"),
        ):
            _compare(running, case, asked.rounds)


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


def _shuffle(folder: Path, target: Path) -> None:
    """Copy the files, with the second half of each before the first. No table refers to itself.

    Rows are not held in memory: the measured peak of a worker is at least that of the process that starts it.
    """
    target.mkdir()
    for path in folder.glob("*.csv"):
        middle = sum(1 for _ in _rows(path)) // 2
        with (target / path.name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(next(_rows(path)))
            writer.writerows(islice(_rows(path), middle, None))
            writer.writerows(islice(_rows(path), 1, middle))


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV, its header first."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file)


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


def _compare(running: Server, case: Case, rounds: int) -> None:
    peer: list[Cost] = []
    rounds_of_ours: list[Round] = []
    for _ in range(rounds):
        _copy(running, "ours")
        rounds_of_ours.append(
            migrate_once(running, "ours", case.folder, rule=case.rule, versioned=case.versioned)
        )
        _copy(running, "peer")
        peer.append(merge_by_hand(running, "peer", case.folder, update=case.rule == "update"))
    ours, by_hand = "Data Forge", "by hand, two sessions"
    costs = {ours: [one.cost for one in rounds_of_ours], by_hand: peer}
    show_costs(case.title, costs, by_hand, {ours: case.work} if case.work else {})
    show_rounds(rounds_of_ours)
