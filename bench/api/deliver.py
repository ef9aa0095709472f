"""Delivery: pages of 1,000 rows compared with a hand-written SELECT, at both ends of the table; then 20 callers."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from bench.api.calls import CONTEXT, function_environment
from bench.api.deliver_load import measure
from bench.peer import PEER_PYTHON
from bench.server import Server, server
from bench.show import show_table
from dataforge.http.cursors import make_cursor
from dataforge.postgres.connection import get_db_resource, transaction
from dataforge.postgres.cursor_keys import LedgerKeys
from dataforge.postgres.ddl import qualified
from dataforge.postgres.roles import DELIVER
from dataforge.postgres.sql import Sql, ident
from dataforge.settings import HttpSettings, read
from dataforge.tables.datasets import get_dataset
from functions.deliver.handler import handler
from functions.deliver.records.query import PageParameters, read_query

ROWS, PAGE = 1_000_000, 1000
LAPS = 60
"""Of each page, in every round."""
TABLES = ("orders", "order_items")
FILL = Sql("""
    SET session_replication_role = replica;
    INSERT INTO olist.orders SELECT md5(i::text), md5('c' || i), 'delivered', moment, moment, moment + interval '2 days',
        CASE WHEN i % 9 > 0 THEN moment + interval '9 days' END, moment + interval '20 days'
        FROM generate_series(1, {ROWS}) i, LATERAL (SELECT timestamp '2017-01-01' + i * interval '1 minute') m (moment);
    INSERT INTO olist.order_items SELECT md5(i::text), 1, md5('p' || i % 30000), md5('s' || i % 3000),
        timestamp '2017-01-01' + i * interval '1 minute', i % 90000 / 100.0, i % 4000 / 100.0
        FROM generate_series(1, {ROWS}) i;
    RESET session_replication_role;
    ANALYZE olist.orders, olist.order_items
""").format(ROWS=ROWS)

Lap = Callable[[], float]
"""Reads a page; returns the seconds it took."""


def main(asked: argparse.Namespace) -> None:
    """Print p50 of each page with ratios, and the results of 20 callers beside writers."""
    with server() as running:
        running.create("deliver")
        with closing(psycopg2.connect(running.superuser_url("deliver"))) as db, db, db.cursor() as cursor:
            cursor.execute(FILL)
        with function_environment(running, "deliver", role=DELIVER), _peer(running) as by_hand:
            medians = {name: _compare(name, by_hand, asked.rounds) for name in TABLES}
    for name, found in medians.items():
        _show(name, found)
    measure(callers=asked.callers, seconds=min(asked.seconds, 30))


def _compare(name: str, by_hand: Callable[[str], float], rounds: int) -> dict[str, float]:
    """The median of each way to read a page, in seconds."""
    table = get_dataset("olist").table(name)
    order = Sql(", ").join(map(ident, table.key))
    select = Sql("SELECT * FROM {} ORDER BY {} LIMIT {}").format(qualified(table), order, PAGE)
    laps: dict[str, Lap] = {
        "by hand: psycopg2, orjson": lambda: by_hand(select),
        "Data Forge, first page": lambda: _read(name, {}),
        "Data Forge, NDJSON": lambda: _read(name, {}, "application/x-ndjson"),
        "Data Forge, gzip": lambda: _read(name, {}, "*/*", "gzip"),
        f"Data Forge, page behind row {ROWS - PAGE:,}": lambda: _read(name, {"cursor": _end(name)}),
    }
    _end(name)
    seconds: dict[str, list[float]] = {label: [] for label in laps}
    for _ in range(rounds):
        for lap in range(LAPS + 3):
            for label, read_page in laps.items():
                took = read_page()
                if lap >= 3:
                    seconds[label].append(took)
    return {label: statistics.median(found) for label, found in seconds.items()}


def _show(name: str, medians: dict[str, float]) -> None:
    peer, first, *_ = medians.values()
    rows = [
        (label, f"{median * 1000:.2f}", f"{median / peer:.2f}", f"{median / first:.2f}")
        for label, median in medians.items()
    ]
    show_table(
        f"A page of {PAGE:,} of {ROWS:,} {name}, in process",
        ("", "p50 ms", "/ by hand", "/ first page"),
        rows,
    )


def _read(table: str, query: dict[str, str], accept: str = "application/json", encoding: str = "") -> float:
    event: dict[str, Any] = {
        "httpMethod": "GET",
        "path": f"/v1/tables/{table}/records",
        "headers": {"accept": accept, "accept-encoding": encoding},
        "queryStringParameters": {"limit": str(PAGE), **query},
        "requestContext": {
            "requestId": "1",
            "identity": {"apiKey": "reader." + "k" * 40, "apiKeyId": "bench"},
        },
    }
    begun = time.perf_counter()
    answer = handler(event, CONTEXT)
    took = time.perf_counter() - begun
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])
    return took


_ends: dict[str, str] = {}


def _end(name: str) -> str:
    """The cursor of the table's last page: keys are MD5s, so the key at its share of the range is close to it."""
    if name not in _ends:
        table = get_dataset("olist").table(name)
        scope = read_query(table, PageParameters(), {}).scope
        place = f"{(2**32 * (ROWS - PAGE * 2)) // ROWS:08x}" + "0" * 24
        position = [place, *["1"] * (len(table.key) - 1)]
        with transaction(get_db_resource(read(HttpSettings))) as cursor:
            _ends[name] = make_cursor(LedgerKeys(cursor, "deliver"), scope, position)
    return _ends[name]


@contextmanager
def _peer(running: Server) -> Iterator[Callable[[str], float]]:
    """The peer's process for the length of a block: takes a SELECT, gives its seconds."""
    command = [PEER_PYTHON, Path(__file__).with_name("deliver_peer.py"), running.superuser_url("deliver")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        to, of = process.stdin, process.stdout

        def lap(statement: str) -> float:
            to.write(json.dumps(statement) + "\n")
            to.flush()
            return float(of.readline())

        yield lap
        to.close()
