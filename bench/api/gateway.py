"""Ingestion over HTTP: API Gateway on the embedded cloud compared with the peer's server; and under load."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from bench import goals
from bench.api import load
from bench.api.calls import Records, customers
from bench.peer import PEER_PYTHON
from bench.show import show_table
from local import cloud
from local.config import HOST, Config
from local.outputs import Outputs
from local.ports import free_port

RECORDS = 1000
CALLS = 40
"""Of each kind, in every round."""
PEER, OURS = "FastAPI on uvicorn, by hand", "Data Forge through the embedded API Gateway"
KEYED = "the same with Idempotency-Key"

_http = urllib3.PoolManager(retries=False, timeout=60)
Post = Callable[[Records], float]
"""Posts the records; returns the seconds it took."""


def main(asked: argparse.Namespace) -> None:
    """Print p50 and p95 of one caller, and the results of 20."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-") as made:
        config = Config(state=Path(made) / "cloud", aws_port=free_port(), pg_port=free_port())
        with cloud.running(config, lambda _: None) as outputs:
            with _peer(outputs["database_url"]) as address:
                _compare(address, outputs, asked.rounds)
            load.show(load.run(outputs, callers=asked.callers, seconds=asked.seconds))


@contextmanager
def _peer(database_url: str) -> Iterator[str]:
    """The peer's server for the length of a block, and its address."""
    port = free_port()
    script = Path(__file__).with_name("gateway_peer.py")
    process = subprocess.Popen([PEER_PYTHON, script, str(port), database_url])
    try:
        _await(process, f"http://{HOST}:{port}/health")
        yield f"http://{HOST}:{port}/customers"
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    while process.poll() is None:
        try:
            urllib3.request("GET", url, retries=False)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the peer's server ended with {process.returncode}")


def _compare(address: str, outputs: Outputs, rounds: int) -> None:
    posts: dict[str, Post] = {
        PEER: lambda records: _post(address, records),
        OURS: lambda records: _post_batch(outputs, records),
        KEYED: lambda records: _post_batch(outputs, records, {"Idempotency-Key": records[0]["customer_id"]}),
    }
    laps: dict[str, list[float]] = {name: [] for name in posts}
    for warm in (False, False, False, *[True] * CALLS * rounds):
        for name, post in posts.items():
            seconds = post(customers(RECORDS))
            if warm:
                laps[name].append(seconds)
    _show(laps)


def _post_batch(outputs: Outputs, records: Records, headers: dict[str, str] | None = None) -> float:
    batch = {"records": [{"table": "customers", "data": record} for record in records]}
    key = {"x-api-key": outputs["writer_key"]}
    return _post(outputs["api_url"] + "/v1/records", batch, key | (headers or {}))


def _post(url: str, document: object, headers: dict[str, str] | None = None) -> float:
    body = json.dumps(document).encode()
    begun = time.perf_counter()
    answer = _http.request(
        "POST", url, body=body, headers={"Content-Type": "application/json", **(headers or {})}
    )
    seconds = time.perf_counter() - begun
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.data[:500]!r}")
    return seconds


def _show(laps: dict[str, list[float]]) -> None:
    base = statistics.median(laps[PEER])
    goals.record(goals.HTTP, statistics.median(laps[OURS]) / base)
    rows = [
        (
            name,
            f"{statistics.median(times) * 1000:.1f}",
            f"{statistics.quantiles(times, n=20)[-1] * 1000:.1f}",
            f"{statistics.median(times) / base:.2f}",
        )
        for name, times in laps.items()
    ]
    title = f"Ingestion of {RECORDS:,} customers over HTTP, one caller, {len(laps[PEER])} posts of each"
    show_table(title, ("", "p50 ms", "p95 ms", "ratio"), rows)
