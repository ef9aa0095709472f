"""The tables of docs/scale.md about migrations into filled tables."""

from __future__ import annotations

from collections.abc import Iterator

from bench.scale.model import CONSTANTS
from bench.scale.tables import PLANS, duration
from bench.scale.weekly import FILLED, Week, simulate_week
from functions.migrate.resolve.choose import MOST_BYTES
from functions.migrate.scan.known import MOST_BYTES as MOST_BYTES_KNOWN

WEEKS = (
    Week("1 % new rows", 0.01, 0.01),
    Week("5 % new rows", 0.05, 0.05),
    Week("all rows again, 1 % new", 1.01, 0.01),
    Week("the files of the last run", 1, 0, known=True),
)
FILLED_PLANS = (PLANS[0], PLANS[2], PLANS[3])
_HEAD = (
    *("tables, and rows that arrive", "load", "resolve", "of it the largest table", "publish", "wall time"),
    *("WAL", "dollars", "most time for"),
)


def weeks() -> str:
    """The table of weekly runs."""
    rows = [list(_HEAD), ["---"] * len(_HEAD), *_rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rows() -> Iterator[list[str]]:
    for plan in FILLED_PLANS:
        for week in WEEKS:
            if week.known and plan.gigabytes * CONSTANTS.stored * 2**30 > MOST_BYTES_KNOWN:
                continue
            found = simulate_week(plan, week)
            times = (found.load, found.resolve, found.largest, found.publish)
            yield [
                f"{plan.name}: {week.name}",
                *(duration(seconds) if seconds else "" for seconds in times),
                f"**{duration(found.wall)}**",
                f"{found.wal_gigabytes:,.1f} GB" if found.wal_gigabytes else "",
                f"{found.dollars:,.2f}",
                found.bound_by,
            ]


def locks() -> str:
    """The locks of a publication, and for how long it holds them."""
    largest = MOST_BYTES / 2**20 / CONSTANTS.stored
    merging = [duration(simulate_week(plan, WEEKS[0]).publish) for plan in FILLED_PLANS]
    proof = duration(FILLED.swap_seconds * largest)
    rows = [
        ("publication", "locks on the tables", "held for", "who waits"),
        ("---", "---", "---", "---"),
        ("into empty tables", "ACCESS EXCLUSIVE", "the swap: well below a second", "all"),
        (
            "rebuilt tables, up to 2 GB each",
            "SHARE ROW EXCLUSIVE, then ACCESS EXCLUSIVE",
            f"one scan: up to {proof} for 2 GB; then the swap, for which at most 0.9 s of readers are awaited",
            "writers, then all",
        ),
        (
            "merge",
            "ROW EXCLUSIVE",
            f"its transaction: {', '.join(merging)} for 1 % new rows in the three sizes above",
            "changes of columns and indexes; writers of the same keys; VACUUM removes no newer rows in the whole database",
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
