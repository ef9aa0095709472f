"""Publication: its duration, and how long readers and writers wait during it."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from bench.migration import in_process
from bench.server import Server, server
from bench.show import show_table
from local.generate import generate

READ = "SELECT count(*) FROM olist.customers WHERE customer_id = %s"
OTHER = "INSERT INTO olist.sellers VALUES (md5(clock_timestamp()::text), '01037', 'x', 'SP')"
SAME = "UPDATE olist.customers SET customer_city = customer_city WHERE customer_id = %s"


def main(asked: argparse.Namespace) -> None:
    """Publish into empty tables, into filled tables, and updates of all customers; print the longest waits."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        first, second = Path(made) / "first", Path(made) / "second"
        generate(first, orders=asked.orders, seed=7)
        generate(second, orders=asked.orders, seed=8)
        rows = [_publish(running, "swap into empty tables", first, "reject", fresh=True)]
        rows.append(_publish(running, "as many new rows beside them", second, "reject"))
        with closing(psycopg2.connect(running.superuser_url("ours"))) as db, db, db.cursor() as cursor:
            cursor.execute("UPDATE olist.customers SET customer_city = 'changed'")
        rows.append(_publish(running, "updates of half of the customers", first, "update"))
    head = ("publication", "seconds", "reader", "writer, other rows", "writer, same row")
    show_table("Publication, and the longest wait of others during it (ms)", head, rows)


def _publish(
    running: Server, name: str, folder: Path, on_conflict: str, *, fresh: bool = False
) -> tuple[str, ...]:
    """One run, with a reader and two writers during its publication."""
    if fresh:
        running.create("ours")
    with closing(psycopg2.connect(running.superuser_url("ours"))) as db, db.cursor() as cursor:
        cursor.execute("SELECT min(customer_id) FROM olist.customers")
        [(key,)] = cursor.fetchall()
    waits: dict[str, float] = {}
    with in_process.workers(running, "ours", folder) as pool:
        more: dict[str, Any] = {
            "on_conflict": on_conflict,
            "around_publish": lambda: _watched(running, key, waits),
        }
        steps, _ = in_process.migrate(running, "ours", folder, pool, 0, **more)
    shown = (f"{1000 * waits[what]:,.0f}" if what in waits else "" for what in ("read", "other", "same"))
    return (name, f"{steps['publish']:.2f}", *shown)


@contextmanager
def _watched(running: Server, key: str | None, waits: dict[str, float]) -> Iterator[None]:
    """Read and write continuously during the block; record the longest time of each."""
    over = threading.Event()
    jobs: list[tuple[str, str, tuple[Any, ...]]] = [("read", READ, (key,))]
    if key is not None:
        # Rows written into empty tables would make the run resolve again, which is another measurement.
        jobs += [("other", OTHER, ()), ("same", SAME, (key,))]
    threads = [threading.Thread(target=_keep_doing, args=(running, over, waits, *job)) for job in jobs]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    waits.clear()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _keep_doing(
    running: Server,
    over: threading.Event,
    waits: dict[str, float],
    what: str,
    statement: str,
    values: tuple[Any, ...],
) -> None:
    with closing(psycopg2.connect(running.superuser_url("ours"))) as db:
        db.autocommit = True
        while not over.is_set():
            begun = time.perf_counter()
            with db.cursor() as cursor:
                cursor.execute(statement, values)
            waits[what] = max(waits.get(what, 0.0), time.perf_counter() - begun)
