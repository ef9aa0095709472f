"""Ingestion: the function's handler compared with hand-written code, both called in process."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context

from bench import goals
from bench.api.calls import Call, by_handler, customers, function_environment, timed
from bench.api.ingest_peer import by_hand
from bench.processors import Cost
from bench.server import Server, server
from bench.show import show_table
from dataforge.postgres.roles import INGEST

RECORDS = 1000
CALLS = 60
"""Of each kind, in every round."""
CALLERS, POSTS, BURSTS = 4, 20, 4
"""Concurrent processes, records of each post, and posts in every round."""

PEER, TUNED = "by hand: pydantic, execute_values", "by hand, all rows in one statement"
OURS, KEYED = "Data Forge", "Data Forge with Idempotency-Key"


def main(asked: argparse.Namespace) -> None:
    """Print p50, p95 and records/s with ratios; calls of Data Forge and of the peers alternate on one PostgreSQL."""
    with server() as running:
        laps: dict[str, list[Cost]] = {name: [] for name in (PEER, TUNED, OURS, KEYED)}
        for _ in range(asked.rounds):
            running.create("ingest")
            with _calls(running) as calls:
                _alternate(running, calls, laps)
        _show(laps)
        _show_parallel(running, asked.rounds)


@contextmanager
def _calls(running: Server) -> Iterator[dict[str, Call]]:
    """The compared calls, with their names."""
    with closing(running.connect("ingest", INGEST)) as db, function_environment(running, "ingest"):
        yield {
            PEER: by_hand(db, page_size=100),
            TUNED: by_hand(db, page_size=RECORDS),
            OURS: by_handler(idempotent=False),
            KEYED: by_handler(idempotent=True),
        }


def _alternate(running: Server, calls: dict[str, Call], laps: dict[str, list[Cost]]) -> None:
    for warm in (False, False, False, *[True] * CALLS):
        for name, call in calls.items():
            cost = timed(running, call, customers(RECORDS))
            if warm:
                laps[name].append(cost)


def _show(laps: dict[str, list[Cost]]) -> None:
    base, ours = (statistics.median(cost.seconds for cost in laps[name]) for name in (PEER, OURS))
    goals.record(goals.RECORDS, ours / base)
    rows = []
    for name, costs in laps.items():
        times = [cost.seconds for cost in costs]
        # A server's time is known to a hundredth of a second, so that only the mean of many calls is exact.
        used = (statistics.fmean(getattr(cost, part) for cost in costs) for part in ("server", "client"))
        milliseconds = statistics.median(times), statistics.quantiles(times, n=20)[-1], *used
        rate, ratio = RECORDS / statistics.median(times), statistics.median(times) / base
        rows.append(
            (name, *(f"{value * 1000:.1f}" for value in milliseconds), f"{rate:,.0f}", f"{ratio:.2f}")
        )
    title = f"Ingestion of {RECORDS:,} customers in process, one caller, {len(laps[PEER])} posts of each"
    show_table(title, ("", "p50 ms", "p95 ms", "server CPU ms", "client CPU ms", "records/s", "ratio"), rows)


def _show_parallel(running: Server, rounds: int) -> None:
    """Throughput of callers with a separate process and connection each; bursts of both alternate."""
    rates: dict[str, list[float]] = {PEER: [], OURS: []}
    with ProcessPoolExecutor(CALLERS, mp_context=get_context("spawn")) as pool:
        for _ in range(rounds):
            running.create("ingest")
            for _ in range(BURSTS):
                for name, measured in rates.items():
                    measured.append(_burst(pool, running, name))
    rows = [
        (name, f"{statistics.median(measured):,.0f}", f"{_ratio(rates[PEER], measured):.2f}")
        for name, measured in rates.items()
    ]
    title = f"The same from {CALLERS} callers at once, {len(rates[OURS])} bursts of each"
    show_table(title, ("", "records/s", "ratio"), rows)


def _burst(pool: ProcessPoolExecutor, running: Server, name: str) -> float:
    """Records a second."""
    spans = list(pool.map(_post_many, [running] * CALLERS, [name] * CALLERS))
    begun, ended = min(begun for begun, _ in spans), max(ended for _, ended in spans)
    return CALLERS * POSTS * RECORDS / (ended - begun)


def _ratio(base: Sequence[float], measured: Sequence[float]) -> float:
    """The ratio of the times: the median over adjacent calls, which a busy machine slows in the same way."""
    return statistics.median(b / m for b, m in zip(base, measured, strict=True))


def _post_many(running: Server, name: str) -> tuple[float, float]:
    """Run one caller; return its start and end."""
    with _calls(running) as calls:
        posts = [calls[name](customers(RECORDS)) for _ in range(POSTS + 1)]
        posts.pop()()
        begun = time.time()
        for post in posts:
            post()
        return begun, time.time()
