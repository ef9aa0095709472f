"""Migrations into filled tables on paper: seconds, WAL and dollars from what a megabyte takes.

Reads of single pages are added to the time of the processor, because one backend waits for each; reads and writes of whole
tables take place meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.scale.model import CONSTANTS, FIXED, Plan, Result, simulate
from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.runs.results.cost import Usage
from functions.migrate.report.cost import dollars


@dataclass(frozen=True)
class Filled:
    """Per megabyte (2^20 bytes) of CSV, in processor seconds; all that is read is in memory."""

    measured: str
    insert_seconds: float
    """Of new rows: their insertion into tables and indexes."""
    scan_seconds: float
    """Of stored rows: one scan that proves that they were not written."""
    compare_seconds: float
    """Of rows that are sent again, nearly all unchanged, and as many stored ones: resolving them."""
    publish_again_seconds: float
    """The search for the new ones of these rows, and the proof, when they are published."""
    rebuild_seconds: float
    """Of stored and new rows, as many of each: resolving them, which builds the tables again."""
    swap_seconds: float
    """The scan of these tables while writers wait."""
    far_pages: float
    """Pages of indexes and parents that one new row touches far from those of the row before it. Counted."""


@dataclass(frozen=True)
class Week:
    """The rows that arrive each week, as shares of the stored rows. ``known``: the files are those of the last run."""

    name: str
    sent: float
    new: float
    known: bool = False


@dataclass(frozen=True)
class Work:
    """The work of one session: processor seconds, megabytes that the disk moves, and pages that it waits for one by one."""

    cpu: float = 0.0
    moved: float = 0.0
    page_reads: float = 0.0

    def parts(self, disk: float) -> dict[str, float]:
        """The seconds by what takes them, at a disk of ``disk`` MB/s."""
        return {
            "one processor": self.cpu,
            "disk MB/s": self.moved / disk,
            "reads of single pages": self.page_reads * READ,
        }

    def seconds(self, disk: float) -> float:
        """The seconds: the processor works while the disk moves tables, and waits for single pages."""
        processor, sequential, single = self.parts(disk).values()
        return max(processor, sequential) + single


@dataclass(frozen=True)
class Outcome:
    """The result for a week; times in seconds. ``publish``: the transaction that stores the rows."""

    load: float
    resolve: float
    largest: float
    publish: float
    wal_gigabytes: float
    dollars: float
    bound_by: str

    @property
    def wall(self) -> float:
        """From begin to report."""
        return self.load + self.resolve + self.publish + FIXED


READ = 0.001
"""Seconds of a backend for one page that it reads from the disk alone: gp3 answers within a millisecond. Assumed."""
CACHED = 0.75
"""The share of the instance's memory that caches pages. Assumed."""
PAGE = 8 / 1024
"""Megabytes of a page. The first change after a checkpoint writes it to WAL whole, and each checkpoint writes it once."""
COMPARE_PASSES = 4
"""How often resolving moves the rows of both sides: read, written to temporary files and read again to compare all
columns, and read for the parents. Counted in its queries."""
CHECK_PASSES = 3
"""How often the publication of large tables moves them to count the rows that it stored. Counted."""
PROVED_FROM = 4
"""Resolving scans a table again if at most this many times the sent rows are stored: the proof that the rest of the
run uses, that it was not written."""
SHADOW_PASSES = 2
"""How often it moves those of the run besides: to find duplicates, and because the first scan marks rows as committed."""

FILLED = Filled(
    measured="2026-11-29",
    insert_seconds=0.117,
    scan_seconds=0.00057,
    compare_seconds=0.0189,
    publish_again_seconds=0.0077,
    rebuild_seconds=0.017,
    swap_seconds=0.00072,
    far_pages=0.81,
)


def simulate_week(plan: Plan, week: Week, filled: Filled = FILLED) -> Outcome:
    """The figures of one run into tables of ``plan.gigabytes``.

    The rows exceed the memory of a join, so PostgreSQL reads both sides whole instead of looking keys up.
    """
    stored = plan.gigabytes * 1024.0
    if week.known:
        scan = Work(filled.scan_seconds * stored, CONSTANTS.stored * stored)
        return _outcome(plan, None, scan, Work(), 0.0)
    sent, new = stored * week.sent, stored * week.new
    loading = simulate(replace(plan, gigabytes=sent / 1024), CONSTANTS)
    proved = stored if sent >= stored / PROVED_FROM else 0.0
    both = sent + stored
    resolving = Work(
        filled.compare_seconds * both / 2 + filled.scan_seconds * proved,
        CONSTANTS.stored * (COMPARE_PASSES * both + SHADOW_PASSES * sent + proved),
    )
    near, far = touched_pages(plan, new, filled)
    wal = new * CONSTANTS.wal + PAGE * (near + far)
    publishing = Work(
        (filled.publish_again_seconds + filled.compare_seconds) * both / 2 + filled.insert_seconds * new,
        CONSTANTS.stored * ((1 + CHECK_PASSES) * both + new) + PAGE * (2 * near + far) + wal,
        far * uncached(plan),
    )
    return _outcome(plan, loading, resolving, publishing, wal)


def touched_pages(plan: Plan, new: float, filled: Filled) -> tuple[float, float]:
    """The pages that ``new`` megabytes of rows change: near the row before, which are read in order, and far from it."""
    rows = new * CONSTANTS.rows / CONSTANTS.megabytes
    indexes = plan.gigabytes * 1024 * (CONSTANTS.stored_settled - CONSTANTS.stored)
    return min(rows, indexes / PAGE), rows * filled.far_pages


def uncached(plan: Plan) -> float:
    """The share of the pages of tables and indexes that the memory does not hold."""
    return max(0.0, 1 - CACHED * plan.database.memory / (plan.gigabytes * CONSTANTS.stored_settled))


def _outcome(plan: Plan, loading: Result | None, resolving: Work, publishing: Work, wal: float) -> Outcome:
    disk = min(plan.storage_mb_s, plan.database.disk)
    load = loading.scan + loading.load if loading else 0.0
    resolve, publish = resolving.seconds(disk), publishing.seconds(disk)
    parts = {f"load: {loading.bound_by}": load} if loading else {}
    for name, work in (("resolve", resolving), ("publish", publishing)):
        parts |= {f"{name}: {what}": seconds for what, seconds in work.parts(disk).items()}
    functions = dollars(
        Usage(
            function_seconds=resolve + publish,
            function_megabytes=WHOLE_PROCESSOR_MEGABYTES,
            invocations=0,
            state_transitions=0,
            s3_writes=0,
            s3_reads=0,
        )
    )["total"] + (loading.functions if loading else 0.0)
    hours = (load + resolve + publish + FIXED) / 3600
    return Outcome(
        load=load,
        resolve=resolve,
        largest=resolve * CONSTANTS.largest_settle_seconds / CONSTANTS.settle_seconds,
        publish=publish,
        wal_gigabytes=wal / 1024,
        dollars=functions + hours * plan.database.hour,
        bound_by=max(parts, key=lambda name: parts[name]),
    )
