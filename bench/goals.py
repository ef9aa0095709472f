"""The goals of the benchmarks: our time divided by the peer's, when the goal was set, now, and at most."""

from __future__ import annotations

from typing import NamedTuple

from bench.show import show_table


class Goal(NamedTuple):
    """The ratio when the goal was set, and the one to reach."""

    before: str
    at_most: float


_ONE_SESSION = " (one session)"
"""The peer's when the goal was set; it has two now."""
EMPTY, DIRTY = "migration into empty tables", "migration, 5 % of the rows dirty"
NEW, UNCHANGED = "migration of as many new rows into filled tables", "migration of unchanged files"
KNOWN, CHANGED = "migration of files known by their versions", "migration, 100,000 rows of one table changed"
BACKUP, ALL = "backup", "restore of all tables, with the comparison of hashes"
ONE = "restore of one filled table"
RECORDS, HTTP = "ingestion of 1,000 records in process", "ingestion of 1,000 records over HTTP"
FIRST, DEEP, GZIP = (f"page of 1,000 rows, {form}" for form in ("the first", "deep", "gzip"))
COMMAND = "dataforge migrate, the first, with cold functions"

GOALS = {
    EMPTY: Goal("0.87", 0.75),
    DIRTY: Goal("1.34" + _ONE_SESSION, 1.0),
    NEW: Goal("2.13" + _ONE_SESSION, 1.0),
    UNCHANGED: Goal("1.91" + _ONE_SESSION, 1.0),
    KNOWN: Goal("1.91" + _ONE_SESSION, 0.2),
    CHANGED: Goal("1.63" + _ONE_SESSION, 1.0),
    BACKUP: Goal("1.54", 1.0),
    ALL: Goal("1.50", 1.1),
    ONE: Goal("0.80", 0.7),
    RECORDS: Goal("0.95", 0.9),
    HTTP: Goal("1.34", 1.15),
    FIRST: Goal("1.18", 1.0),
    DEEP: Goal("1.40", 1.1),
    GZIP: Goal("1.65", 1.1),
    COMMAND: Goal("1.71" + _ONE_SESSION, 1.3),
}

_measured: dict[str, list[float]] = {}


def record(work: str, ratio: float) -> None:
    """Note a measured ratio. Where a work has several cases, each of them has to reach the goal."""
    _measured.setdefault(work, []).append(ratio)


def show_goals() -> None:
    """Print the goals of the measured works."""
    rows = [
        (work, goal.before, ", ".join(f"{ratio:.2f}" for ratio in _measured[work]), f"{goal.at_most:.2f}")
        for work, goal in GOALS.items()
        if work in _measured
    ]
    if rows:
        show_table("Goals: ratios to the peer", ("", "before", "now", "at most"), rows, first=True)
