"""The tables of docs/scale.md, for 10 GB, 1 TB and 10 TB."""

from __future__ import annotations

import math

from bench.scale.model import (
    BIG,
    CALL,
    CONSTANTS,
    FUNCTION_SECONDS,
    HUGE,
    LARGE,
    Database,
    Plan,
    Result,
    rates,
    settle_seconds,
    simulate,
)
from functions.migrate.plan.replay import CHUNK

PLANS = (
    Plan("10 GB, defaults of prod", 10, LARGE, 125, 3_000, 10, 16),
    Plan("1 TB, defaults of prod", 1024, LARGE, 500, 12_000, 10, 16),
    Plan("1 TB, tuned", 1024, BIG, 500, 12_000, 40, 64),
    Plan("10 TB, tuned", 10_240, HUGE, 2_000, 40_000, 160, 64),
)


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
        "one load call, waiting included": _time(load * plan.concurrency / result.chunks),
        "scan": _time(result.scan),
        "load": _time(load),
        "resolve, all waves": _time(result.settle),
        "resolve, the largest table": _time(result.largest_settle) + _verdict(result.largest_settle),
        "**wall time**": f"**{_time(result.wall)}**" + _condition(result.largest_settle),
        "functions and requests": f"${result.functions:,.2f}",
        "the instance meanwhile": f"${result.database:,.2f}",
        "**dollars per GB of CSV**": f"**{total / plan.gigabytes:.4f}**",
    }


def _verdict(seconds: float) -> str:
    return "" if seconds < FUNCTION_SECONDS else " **(over 15 min)**"


def _condition(seconds: float) -> str:
    return "" if seconds < FUNCTION_SECONDS else " without the limit"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def limits() -> str:
    """The rate of each component, in MB/s of CSV; the smallest is the limit."""
    columns = [rates(plan, CONSTANTS) for plan in PLANS]
    return _table([[name, *(f"{column[name]:,.0f}" for column in columns)] for name in columns[0]])


def quarter_hour() -> str:
    """The largest run, in GB of CSV, whose resolving stays within one function's time."""
    rows = []
    for database, storage in ((LARGE, 125), (BIG, 500), (HUGE, 2_000)):
        fits = [size for size in range(1, 200) if _largest(size, database, storage) < FUNCTION_SECONDS]
        rows.append(f"| {database.name}, gp3 with {storage:,} MB/s | {max(fits)} GB |")
    return "\n".join(["| | largest run |", "| --- | --- |", *rows])


def _largest(gigabytes: int, database: Database, storage: int) -> float:
    plan = Plan("", gigabytes, database, storage, 3_000, 10, 16)
    return settle_seconds(plan, CONSTANTS, CONSTANTS.largest_settle_seconds)


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
        rows.append(f"| {records:,} | {calls:,} | {_time(load)} | {_time(records / 1000 * databases)} |")
    return "\n".join(rows)
