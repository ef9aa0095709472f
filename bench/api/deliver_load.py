"""Readers through the API of the embedded cloud, while writers add rows: no errors, and how long a page takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import urllib3

from bench.api import load
from bench.show import show_table
from local import cloud
from local.config import Config
from local.outputs import Outputs
from local.ports import free_port

WRITERS = 2


@dataclass
class Seen:
    """The answers to the readers, and their times."""

    laps: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    rows: int = 0


def measure(*, callers: int, seconds: float) -> None:
    """Print p50 and p99. Raises ``RuntimeError`` if any answer was neither 200 nor COME_BACK."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-") as made:
        config = Config(state=Path(made) / "cloud", aws_port=free_port(), pg_port=free_port())
        with cloud.running(config, lambda _: None) as outputs, ThreadPoolExecutor(callers + 1) as pool:
            load.run(outputs, callers=WRITERS, seconds=3)  # something to read
            list(pool.map(lambda _: _read(outputs, time.monotonic() + 1), range(callers)))  # cold starts
            writing = pool.submit(load.run, outputs, callers=WRITERS, seconds=seconds)
            until = time.monotonic() + seconds
            reading = [pool.submit(_read, outputs, until) for _ in range(callers)]
            seen = [done.result() for done in reading]
            written = writing.result()
    _show(seen, seconds, written)


def _read(outputs: Outputs, until: float) -> Seen:
    """Traverse the customers repeatedly."""
    seen, first = Seen(), f"{outputs['api_url']}/v1/tables/customers/records?limit=100"
    http, headers, url = urllib3.PoolManager(retries=False, timeout=60), _headers(outputs), first
    while time.monotonic() < until:
        begun = time.perf_counter()
        answer = http.request("GET", url, headers=headers)
        seen.laps.append(time.perf_counter() - begun)
        seen.answers[answer.status] += 1
        if answer.status in load.COME_BACK:
            time.sleep(float(answer.headers["Retry-After"]))
        elif answer.status == 200:
            seen.rows += len(answer.json()["data"])
            link = answer.headers.get("Link")
            url = urljoin(url, link[1 : link.index(">")]) if link else first
        else:
            break
    return seen


def _headers(outputs: Outputs) -> dict[str, str]:
    return {"x-api-key": outputs["reader_key"], "accept": "application/json", "accept-encoding": "gzip"}


def _show(seen: list[Seen], seconds: float, written: load.Outcome) -> None:
    laps = [lap for one in seen for lap in one.laps]
    answers = sum((one.answers for one in seen), Counter[int]())
    cuts = statistics.quantiles(laps, n=100)
    come_back = sum(answers[status] for status in load.COME_BACK)
    failures = answers.total() - answers[200] - come_back + len(written.failures)
    rows = [
        ("pages", f"{answers[200]:,}"),
        ("answered with 429 or 503, and asked again", f"{come_back:,}"),
        ("pages a second", f"{answers[200] / seconds:,.0f}"),
        ("rows a second", f"{sum(one.rows for one in seen) / seconds:,.0f}"),
        ("p50 / p99 ms", f"{cuts[49] * 1000:.0f} / {cuts[98] * 1000:.0f}"),
        ("records written meanwhile", f"{written.inserted:,}"),
        ("failures", f"{failures:,}"),
    ]
    show_table(
        f"{len(seen)} readers for {seconds:g} s beside {WRITERS} writers, on the embedded cloud",
        ("", ""),
        rows,
    )
    if failures:
        raise RuntimeError(f"unexpected answers: {answers}, {written.failures[:3]}")
