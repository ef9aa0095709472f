"""Concurrent callers for some time, then a count of lost and duplicate records in the database."""

from __future__ import annotations

import json
import secrets
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import urllib3

from bench.show import show_table
from dataforge.tables.datasets import get_dataset
from dataforge.tables.examples import example_row
from local.outputs import Outputs

RECORDS = 100
"""Customers in a batch, each with an order that precedes it."""
AGAIN = 5
"""Interval of batches that are sent a second time, as after a lost answer."""

_OLIST = get_dataset("olist")
_CUSTOMER, _ORDER = (example_row(_OLIST, _OLIST.table(name)) for name in ("customers", "orders"))


COME_BACK = (429, 503)
"""Statuses beyond a key's rate, and beyond the executions of an account."""


@dataclass
class Outcome:
    """The answers to the callers, and the rows in the database. ``failures``: answers that are neither 200 nor COME_BACK."""

    callers: int
    seconds: float
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    laps: list[float] = field(default_factory=list)
    sent: int = 0
    inserted: int = 0
    stored: int = 0
    """Rows, of customers and orders."""


@dataclass
class _Caller:
    """One caller. The ids of its records begin with its run's prefix."""

    outputs: Outputs
    http: urllib3.PoolManager
    prefix: str
    until: float
    outcome: Outcome

    def work(self) -> None:
        """Post batches until the time is over."""
        number = 0
        while time.monotonic() < self.until and not self.outcome.failures:
            number += 1
            body = json.dumps({"records": self._records()}).encode()
            first = self._post(body, key := secrets.token_hex(16))
            self.outcome.sent += RECORDS
            self.outcome.inserted += json.loads(first)["counts"]["inserted"] if first else 0
            if number % AGAIN == 0 and self._post(body, key) != first:
                self.outcome.failures.append("a batch that was sent again got another answer")

    def _records(self) -> list[dict[str, Any]]:
        records = []
        for _ in range(RECORDS // 2):
            own = self.prefix + secrets.token_hex(16)[len(self.prefix) :]
            records.append({"table": "orders", "data": _ORDER | {"order_id": own, "customer_id": own}})
            records.append({"table": "customers", "data": _CUSTOMER | {"customer_id": own}})
        return records

    def _post(self, body: bytes, key: str) -> bytes | None:
        """The answer's body, after any number of retries; None after a failure."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        headers["x-api-key"] = self.outputs["writer_key"]
        while True:
            begun = time.perf_counter()
            answer = self.http.request(
                "POST", self.outputs["api_url"] + "/v1/records", body=body, headers=headers
            )
            self.outcome.laps.append(time.perf_counter() - begun)
            self.outcome.answers[answer.status] += 1
            if answer.status == 200:
                return answer.data
            if answer.status not in COME_BACK:
                self.outcome.failures.append(f"{answer.status}: {answer.data[:300]!r}")
                return None
            time.sleep(float(answer.headers["Retry-After"]))


def run(outputs: Outputs, *, callers: int, seconds: float) -> Outcome:
    """Let the callers post, each one batch after the other, and count. They stop at the first failure."""
    prefix = secrets.token_hex(5)
    http = urllib3.PoolManager(maxsize=callers, retries=False, timeout=60)
    parts = [Outcome(1, seconds) for _ in range(callers)]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(callers) as pool:
        working = [pool.submit(_Caller(outputs, http, prefix, until, part).work) for part in parts]
    for done in working:
        done.result()
    total = Outcome(callers, seconds, stored=_count(outputs["database_url"], prefix))
    for part in parts:
        total.answers += part.answers
        total.failures += part.failures
        total.laps += part.laps
        total.sent += part.sent
        total.inserted += part.inserted
    return total


def _count(database_url: str, prefix: str) -> int:
    statement = """
        SELECT (SELECT count(*) FROM olist.customers WHERE customer_id LIKE %(prefix)s)
            + (SELECT count(*) FROM olist.orders WHERE order_id LIKE %(prefix)s)
    """
    with closing(psycopg2.connect(database_url)) as db, db.cursor() as cursor:
        cursor.execute(statement, {"prefix": prefix + "%"})
        return int(cursor.fetchall()[0][0])


def show(outcome: Outcome) -> None:
    """Print the outcome. Raises ``RuntimeError`` on a failure, a lost record or a duplicate."""
    cuts = statistics.quantiles(outcome.laps, n=100)
    rows = [
        ("requests", f"{outcome.answers.total():,}"),
        ("answered with 429 or 503, and sent again", f"{sum(outcome.answers[s] for s in COME_BACK):,}"),
        ("records a second", f"{outcome.inserted / outcome.seconds:,.0f}"),
        ("p50 / p99 ms", f"{cuts[49] * 1000:.0f} / {cuts[98] * 1000:.0f}"),
        ("records sent", f"{outcome.sent:,}"),
        ("reported as inserted", f"{outcome.inserted:,}"),
        ("rows in the database", f"{outcome.stored:,}"),
        ("failures", f"{len(outcome.failures):,}"),
    ]
    title = f"{outcome.callers} callers for {outcome.seconds:g} s, {RECORDS} records a batch"
    show_table(title, ("", ""), rows)
    if outcome.failures or not outcome.sent == outcome.inserted == outcome.stored:
        raise RuntimeError(f"unexpected answers: {outcome.failures[:3]}")
