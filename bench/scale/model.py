"""A migration of any size on paper: seconds, limits and dollars from what a megabyte takes.

The constants are measured (`python -m bench.scale.measure`); the limits are AWS's, listed with the prices in
``functions.migrate.report.cost``. Each figure is one division; the smallest limit bounds the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.runs.results.cost import Usage
from functions.migrate.report.cost import dollars


@dataclass(frozen=True)
class Constants:
    """Per megabyte (2^20 bytes) of CSV, in processor seconds and in megabytes."""

    measured: str
    megabytes: float
    rows: int
    """The migrated data of the measurement."""
    scan_seconds: float
    worker_seconds: float
    """A worker's work for the load: parsing, checking, hashing."""
    database_seconds: float
    """PostgreSQL's for the same, in COPY."""
    settle_seconds: float
    """The longest table of each wave of resolving, in sum."""
    largest_settle_seconds: float
    """The largest table alone: one call of a function."""
    stored: float
    """Megabytes of tables after the load, and with their indexes."""
    stored_settled: float
    wal: float
    item_bytes: int
    """A chunk's item in the work list."""
    parquet_size: float
    """Megabytes of Parquet (snappy) that hold a megabyte of CSV."""
    parquet_worker_seconds: float
    """A worker's own work for the same rows, read from Parquet; per megabyte of CSV, too."""
    replay_worker_seconds: float
    """Per thousand replayed records, including their individual validation."""
    replay_database_seconds: float
    """PostgreSQL's for the same: collecting, reading and COPY."""


@dataclass(frozen=True)
class Database:
    """An RDS instance: vCPUs, GiB of memory, its default max_connections, its baseline to the disk (MB/s), and dollars per
    hour."""

    name: str
    vcpus: int
    memory: int
    connections: int
    disk: int
    hour: float


@dataclass(frozen=True)
class Plan:
    """The data of a migration, and its deployment."""

    name: str
    gigabytes: float
    database: Database
    storage_mb_s: int
    storage_iops: int
    concurrency: int
    chunk: int
    """Megabytes."""


@dataclass(frozen=True)
class Result:
    """The result of a plan; times in seconds."""

    chunks: int
    offered: float
    """MB/s of CSV that the workers would load if they never waited for the database."""
    rate: float
    bound_by: str
    scan: float
    load: float
    settle: float
    largest_settle: float
    list_megabytes: float
    functions: float
    """Dollars for functions and requests."""
    database: float
    """Dollars for the instance while the run lasts."""

    @property
    def wall(self) -> float:
        """From begin to report."""
        return self.scan + self.load + self.settle + FIXED


FIXED = 15.0
"""Steps that do not grow with the data, and the state machine between them. Assumed."""
CALL = 0.3
"""Of each item: starting the child execution, a warm function, the token, S3's first byte, the progress mark. Assumed."""
BUSY = 0.8
"""The share of the database's processors that a load should take. Assumed."""
WRITE = 32 / 1024
"""Megabytes of one write to the disk, in the mean of WAL and pages. Assumed."""
CHILD_STARTS = 300
"""Child executions that Step Functions starts per second, sustained."""
FUNCTION_SECONDS = 900

PASSES = 4
"""How often resolving reads a table: key, foreign keys, checks, hash. Counted in its code."""

CONSTANTS = Constants(
    measured="2026-11-29",
    megabytes=117.8,
    rows=1_410_802,
    scan_seconds=0.00106,
    worker_seconds=0.0188,
    database_seconds=0.0083,
    settle_seconds=0.0194,
    largest_settle_seconds=0.0142,
    stored=1.21,
    stored_settled=2.06,
    wal=0.97,
    item_bytes=571,
    parquet_size=0.45,
    parquet_worker_seconds=0.0236,
    replay_worker_seconds=0.035,
    replay_database_seconds=0.012,
)

LARGE = Database("db.m7g.large", 2, 8, 901, 79, 0.168)
BIG = Database("db.m7g.4xlarge", 16, 64, 5_000, 625, 1.344)
HUGE = Database("db.m7g.16xlarge", 64, 256, 5_000, 2_500, 5.376)


def rates(plan: Plan, constants: Constants) -> dict[str, float]:
    """The rate of each component in MB/s of CSV, under its name."""
    written = constants.stored + constants.wal
    each = plan.chunk * (constants.worker_seconds + constants.database_seconds) + CALL
    database = plan.database
    return {
        "workers": plan.concurrency * plan.chunk / each,
        "database CPU": BUSY * database.vcpus / constants.database_seconds,
        "storage MB/s": plan.storage_mb_s / written,
        "instance's disk MB/s": database.disk / written,
        "storage IOPS": plan.storage_iops * WRITE / written,
        "child starts": CHILD_STARTS * plan.chunk,
    }


def simulate(plan: Plan, constants: Constants) -> Result:
    """The figures of a run. Workers are billed while they wait for the database."""
    size = plan.gigabytes * 1024
    chunks = math.ceil(size / plan.chunk)
    possible = rates(plan, constants)
    bound_by = min(possible, key=lambda name: possible[name])
    rate = possible[bound_by]
    scan_each = plan.chunk * constants.scan_seconds + CALL
    scan = scan_each * math.ceil(chunks / plan.concurrency)
    settle = settle_seconds(plan, constants, constants.settle_seconds)
    largest = settle_seconds(plan, constants, constants.largest_settle_seconds)
    load = size / rate
    busy = scan_each * chunks + load * plan.concurrency * min(1.0, chunks / plan.concurrency) + settle
    used = Usage(
        function_seconds=busy,
        function_megabytes=WHOLE_PROCESSOR_MEGABYTES,
        invocations=2 * chunks,
        state_transitions=4 * chunks,
        s3_writes=chunks,
        s3_reads=2 * chunks,
    )
    hours = (scan + load + settle + FIXED) / 3600
    return Result(
        chunks=chunks,
        offered=possible["workers"],
        rate=rate,
        bound_by=bound_by,
        scan=scan,
        load=load,
        settle=settle,
        largest_settle=largest,
        list_megabytes=chunks * constants.item_bytes / 2**20,
        functions=dollars(used)["total"],
        database=hours * plan.database.hour,
    )


def settle_seconds(plan: Plan, constants: Constants, each: float) -> float:
    """Seconds for the tables that take ``each`` per megabyte: their sorting, or the disk if that takes longer."""
    size = plan.gigabytes * 1024
    rows = constants.rows * size / constants.megabytes
    growth = math.log(rows) / math.log(constants.rows)
    indexes = constants.stored_settled - constants.stored
    share = each / constants.settle_seconds
    moved = size * share * (PASSES * constants.stored + 2 * indexes)
    return max(size * each * growth, moved / min(plan.storage_mb_s, plan.database.disk))
