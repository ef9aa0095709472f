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
from typing import Any, NamedTuple

import psycopg2

from bench import goals
from bench.api.calls import CONTEXT, function_environment
from bench.api.deliver_load import measure
from bench.peer import PEER_PYTHON
from bench.processors import of_server
from bench.server import Server, server
from bench.show import show_table
from dataforge.http.cursors import make_cursor
from dataforge.postgres.connection import get_db_resource, transaction
from dataforge.postgres.cursor_keys import LedgerKeys
from dataforge.postgres.ddl import qualified
from dataforge.postgres.roles import DELIVER
from dataforge.postgres.sql import Sql, ident, literal
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


class Took(NamedTuple):
    """The seconds of a page, and the CPU seconds of the process that read it."""

    seconds: float
    cpu: float


Lap = Callable[[], Took]
"""Reads a page."""
ByHand = Callable[[Sql, bool], Took]
"""The same by the peer, which can compress it."""


def main(asked: argparse.Namespace) -> None:
    """Print p50 of each page with ratios, and the results of 20 callers beside writers."""
    with server() as running:
        running.create("deliver")
        with closing(psycopg2.connect(running.superuser_url("deliver"))) as db, db, db.cursor() as cursor:
            cursor.execute(FILL)
        with function_environment(running, "deliver", role=DELIVER), _peer(running) as by_hand:
            found = {name: _compare(running, name, by_hand, asked.rounds) for name in TABLES}
    for name, (laps, used) in found.items():
        _show(name, laps, used)
    measure(callers=asked.callers, seconds=min(asked.seconds, 30))


PEER, PEER_DEEP = "by hand: psycopg2, orjson", f"by hand, page after row {ROWS - PAGE:,}"
PEER_GZIP = "by hand, gzip"
PEER_OF = {
    "Data Forge, first page": PEER,
    "Data Forge, NDJSON": PEER,
    "Data Forge, gzip": PEER_GZIP,
    f"Data Forge, page after row {ROWS - PAGE:,}": PEER_DEEP,
}
GOAL_OF = dict(zip(PEER_OF, (goals.FIRST, goals.FIRST, goals.GZIP, goals.DEEP), strict=True))


def _compare(
    running: Server, name: str, by_hand: ByHand, rounds: int
) -> tuple[dict[str, list[Took]], dict[str, float]]:
    """The times of each way to read a page, and the mean CPU seconds of the server."""
    table = get_dataset("olist").table(name)
    order = Sql(", ").join(map(ident, table.key))
    select = Sql("SELECT * FROM {} {} ORDER BY {} LIMIT {}")
    first = select.format(qualified(table), Sql(""), order, PAGE)
    after = Sql("WHERE ({}) > ({})").format(order, Sql(", ").join(map(literal, _position(name))))
    deep = select.format(qualified(table), after, order, PAGE)
    first_page, ndjson, compressed, deep_page = PEER_OF
    laps: dict[str, Lap] = {
        PEER: lambda: by_hand(first, False),
        first_page: lambda: _read(name, {}),
        ndjson: lambda: _read(name, {}, "application/x-ndjson"),
        PEER_GZIP: lambda: by_hand(first, True),
        compressed: lambda: _read(name, {}, "*/*", "gzip"),
        PEER_DEEP: lambda: by_hand(deep, False),
        deep_page: lambda: _read(name, {"cursor": _end(name)}),
    }
    _end(name)
    found: dict[str, list[Took]] = {label: [] for label in laps}
    used = dict.fromkeys(laps, 0.0)
    for _ in range(rounds):
        for lap in range(LAPS + 3):
            for label, read_page in laps.items():
                before = of_server(running)
                took = read_page()
                if lap >= 3:
                    found[label].append(took)
                    used[label] += of_server(running) - before
    return found, {label: total / (LAPS * rounds) for label, total in used.items()}


def _show(name: str, found: dict[str, list[Took]], used: dict[str, float]) -> None:
    rows = []
    for label, laps in found.items():
        seconds = sorted(lap.seconds for lap in laps)
        low, middle, high = statistics.quantiles(seconds, n=4)
        peer = found[PEER_OF.get(label, label)]
        ratio = statistics.median(a.seconds / b.seconds for a, b in zip(laps, peer, strict=True))
        cpu = statistics.median(lap.cpu for lap in laps)
        spread = f"{low * 1000:.2f} to {high * 1000:.2f}"
        times = f"{middle * 1000:.2f}", spread, f"{used[label] * 1000:.2f}", f"{cpu * 1000:.2f}"
        rows.append((label, *times, f"{ratio:.2f}"))
        if label in GOAL_OF:
            goals.record(GOAL_OF[label], ratio)
    show_table(
        f"A page of {PAGE:,} of {ROWS:,} {name}, in process",
        ("", "p50 ms", "quartiles", "server CPU ms", "client CPU ms", "ratio"),
        rows,
    )


def _read(table: str, query: dict[str, str], accept: str = "application/json", encoding: str = "") -> Took:
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
    begun, used = time.perf_counter(), time.process_time()
    answer = handler(event, CONTEXT)
    took = Took(time.perf_counter() - begun, time.process_time() - used)
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])
    return took


_ends: dict[str, str] = {}


def _end(name: str) -> str:
    """The cursor of the table's last page: keys are MD5s, so the key at its share of the range is close to it."""
    if name not in _ends:
        table = get_dataset("olist").table(name)
        scope = read_query(table, PageParameters(), {}).scope
        position = _position(name)
        with transaction(get_db_resource(read(HttpSettings))) as cursor:
            _ends[name] = make_cursor(LedgerKeys(cursor, "deliver"), scope, position)
    return _ends[name]


def _position(name: str) -> list[str]:
    """A key close to the end of the table."""
    place = f"{(2**32 * (ROWS - PAGE * 2)) // ROWS:08x}" + "0" * 24
    return [place, *["1"] * (len(get_dataset("olist").table(name).key) - 1)]


@contextmanager
def _peer(running: Server) -> Iterator[ByHand]:
    """The peer's process for the length of a block: takes a SELECT, returns what it took."""
    command = [PEER_PYTHON, Path(__file__).with_name("deliver_peer.py"), running.superuser_url("deliver")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        to, of = process.stdin, process.stdout

        def lap(statement: Sql, compress: bool) -> Took:
            to.write(json.dumps([statement, compress]) + "\n")
            to.flush()
            return Took(*map(float, of.readline().split()))

        yield lap
        to.close()
