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


def main(asked: argparse.Namespace) -> None:
    """Rounds of both alternate on the same PostgreSQL; every round loads empty tables."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-") as made:
        folder = data(asked, Path(made))
        config = Config(state=Path(made) / "cloud", aws_port=free_port(), pg_port=free_port())
        with cloud.running(config, lambda _: None) as outputs:
            ours, copied = [], []
            for number in range(asked.rounds):
                peer = copies.copy_constrained(Server(config, ""), folder, copies.TWO_SESSIONS[TWO])
                copied.append(peer.seconds)
                _empty(outputs["database_url"])
                ours.append(_migrate(config, folder, f"round-{number}/"))
    _show(ours, copied)


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


def _show(ours: list[float], copied: list[float]) -> None:
    base = statistics.median(copied)
    goals.record(goals.COMMAND, ours[0] / base)
    rows = [
        ("dataforge migrate, the first (cold functions)", f"{ours[0]:.2f}", f"{ours[0] / base:.2f}"),
        (
            "dataforge migrate, median",
            f"{statistics.median(ours):.2f}",
            f"{statistics.median(ours) / base:.2f}",
        ),
        ("psql \\copy into the constrained tables, two sessions", f"{base:.2f}", "1.00"),
    ]
    show_table("The whole command on the embedded cloud", ("", "seconds", "ratio"), rows)
