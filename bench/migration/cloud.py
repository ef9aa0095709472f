"""`dataforge migrate` on the embedded cloud, including upload and state machine, compared with psql's \\copy."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2

from bench import goals
from bench.data import data
from bench.migration import copies
from bench.server import Server
from bench.show import show_table
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql
from dataforge.tables.datasets import get_dataset
from local import cloud
from local.config import Config
from local.ports import free_port

TWO = "items and reviews last"
COLD, WARM, PEER = "cold", "warm", "peer"
TITLES = {
    COLD: "dataforge migrate, the first (cold functions)",
    WARM: "dataforge migrate, the second",
    PEER: "psql \\copy into the constrained tables, two sessions",
}


def main(asked: argparse.Namespace) -> None:
    """Each round deploys the app, so that its functions are cold, and loads empty tables by each way."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-") as made:
        folder = data(asked, Path(made))
        laps: dict[str, list[float]] = {name: [] for name in (COLD, WARM, PEER)}
        for number in range(asked.rounds):
            config = Config(state=Path(made) / f"cloud-{number}", aws_port=free_port(), pg_port=free_port())
            with cloud.running(config, lambda _: None) as outputs:
                _measure(config, outputs["database_url"], folder, laps)
    _show(laps)


def _measure(config: Config, database_url: str, folder: Path, laps: dict[str, list[float]]) -> None:
    copied = copies.copy_constrained(Server(config, ""), folder, copies.TWO_SESSIONS[TWO])
    laps[PEER].append(copied.seconds)
    for name in (COLD, WARM):
        laps[name].append(_migrate(config, folder, f"{name}/"))
        _empty(database_url)


def _migrate(config: Config, folder: Path, prefix: str) -> float:
    command = [sys.executable, "-m", "dataforge_cli", "migrate", str(folder), "--prefix", prefix]
    begun = time.perf_counter()
    subprocess.run([*command, "--outputs", str(config.outputs), "--json"], check=True, capture_output=True)
    return time.perf_counter() - begun


def _empty(url: str) -> None:
    dataset = get_dataset("olist")
    tables = Sql(", ").join(ddl.qualified(table) for table in dataset.tables.values())
    with closing(psycopg2.connect(url)) as db, db, db.cursor() as cursor:
        cursor.execute(Sql("TRUNCATE {}").format(tables))


def _show(laps: dict[str, list[float]]) -> None:
    base = statistics.median(laps[PEER])
    goals.record(goals.COMMAND, statistics.median(laps[COLD]) / base)
    rows = []
    for name, seconds in laps.items():
        middle = statistics.median(seconds)
        values = middle, min(seconds), max(seconds), middle / base
        rows.append((TITLES[name], *(f"{value:.2f}" for value in values)))
    show_table("The whole command on the embedded cloud", ("", "seconds", "from", "to", "ratio"), rows)
