"""The tables of docs/scale.md, for 10 GB, 1 TB and 10 TB."""

from __future__ import annotations

import math
from dataclasses import replace

from bench.scale.model import (
    BIG,
    CALL,
    CONSTANTS,
    FUNCTION_SECONDS,
    HUGE,
    LARGE,
    Plan,
    Result,
    rates,
    simulate,
)
from functions.migrate.plan.replay import CHUNK
from infra.settings import Settings

PLANS = (
    Plan("10 GB, defaults of prod", 10, LARGE, 125, 3_000, 10, 16),
    Plan("1 TB, defaults of prod", 1024, LARGE, 500, 12_000, 10, 16),
    Plan("1 TB, tuned", 1024, BIG, 500, 12_000, 40, 64),
    Plan("10 TB, tuned", 10_240, HUGE, 2_000, 40_000, 160, 64),
)


HOURS: int = Settings.model_fields["migration_hours"].default
"""The time of an execution (`migrationHours`)."""


def plans() -> str:
    """The table of the plans."""
    columns = [_column(plan, simulate(plan, CONSTANTS)) for plan in PLANS]
    return _table([[name, *(column[name] for column in columns)] for name in columns[0]])


def _table(rows: list[list[str]]) -> str:
    head = ["", *(plan.name for plan in PLANS)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _column(plan: Plan, result: Result) -> dict[str, str]:
    database, load = plan.database, result.load
    total = result.functions + result.database
    return {
        "database": f"{database.name}, {database.vcpus} vCPU",
        "gp3": f"{plan.storage_mb_s:,} MB/s, {plan.storage_iops:,} IOPS",
        "loadConcurrency, chunkMegabytes": f"{plan.concurrency}, {plan.chunk}",
        "connections of max_connections": f"{plan.concurrency + 1} of {database.connections:,}",
        "tables and indexes": f"{plan.gigabytes * CONSTANTS.stored_settled:,.0f} GB",
        "chunks": f"{result.chunks:,}",
        "the work list (`load.json`)": f"{result.list_megabytes:,.1f} MB",
        "workers could load": f"{result.offered:,.0f} MB/s",
        "the load runs at": f"{result.rate:,.0f} MB/s",
        "**bound by**": f"**{result.bound_by}**",
        "one load call, waiting included": duration(load * plan.concurrency / result.chunks),
        "scan": duration(result.scan),
        "load": duration(load),
        "resolve, all waves": duration(result.settle),
        "resolve, the largest table": duration(result.largest_settle),
        "**wall time**": f"**{duration(result.wall)}**{_verdict(result.wall)}",
        "functions and requests": f"${result.functions:,.2f}",
        "the instance meanwhile": f"${result.database:,.2f}",
        "**dollars per GB of CSV**": f"**{total / plan.gigabytes:.4f}**",
    }


def _verdict(seconds: float) -> str:
    """A note on a wall time that is longer than an execution by default."""
    return f", more than {HOURS} h" if seconds > HOURS * 3600 else ""


def duration(seconds: float) -> str:
    """A time in seconds, minutes, hours or days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"


def limits() -> str:
    """The rate of each component, in MB/s of CSV; the smallest is the limit."""
    columns = [rates(plan, CONSTANTS) for plan in PLANS]
    return _table([[name, *(f"{column[name]:,.0f}" for column in columns)] for name in columns[0]])


def one_day() -> str:
    """The largest run into empty tables, in GB of CSV, that ends within the hours that an execution has by default."""
    rows = []
    for plan in (PLANS[1], PLANS[2], PLANS[3]):
        sizes = range(10, 20_000, 10)
        fits = [size for size in sizes if _wall(plan, size) < HOURS * 3600]
        rows.append(f"| {plan.database.name}, gp3 with {plan.storage_mb_s:,} MB/s | {max(fits):,} GB |")
    return "\n".join([f"| | largest run in {HOURS} h |", "| --- | --- |", *rows])


def _wall(plan: Plan, gigabytes: int) -> float:
    return simulate(replace(plan, gigabytes=gigabytes), CONSTANTS).wall


def sources() -> str:
    """The rate of one worker for a CSV, and for a Parquet file with the same rows."""
    each = [
        seconds + CONSTANTS.database_seconds
        for seconds in (CONSTANTS.worker_seconds, CONSTANTS.parquet_worker_seconds)
    ]
    rows = [
        "| | CSV | Parquet |",
        "| --- | --- | --- |",
        f"| MB of file for a MB of CSV | 1 | {CONSTANTS.parquet_size} |",
        f"| MB/s of CSV, one worker and its backend | {' | '.join(f'{1 / s:.0f}' for s in each)} |",
        f"| GB of CSV in 15 minutes of one call | {' | '.join(f'{FUNCTION_SECONDS / s / 1024:.0f}' for s in each)} |",
    ]
    return "\n".join(rows)


def replays() -> str:
    """The duration of a replay before it is resolved, by the number of its records."""
    rows = ["| records | calls | load, 10 at once | PostgreSQL's part |", "| --- | --- | --- | --- |"]
    ours, databases = CONSTANTS.replay_worker_seconds, CONSTANTS.replay_database_seconds
    for records in (100_000, 1_000_000, 10_000_000):
        calls = math.ceil(records / CHUNK)
        load = math.ceil(calls / 10) * (CHUNK / 1000 * (ours + databases) + CALL)
        rows.append(
            f"| {records:,} | {calls:,} | {duration(load)} | {duration(records / 1000 * databases)} |"
        )
    return "\n".join(rows)
