"""Where objects lie in the report bucket: every prefix and key that more than one part of the system relies on."""

from __future__ import annotations

RUNS = "runs/"
"""A run's work lists and its report."""

PROGRESS = "progress/"
"""How far a migration is, for clients that know the name of its execution."""

CLAIMS = "requests/"
"""Which run an idempotency key stands for, and which export of a table is running."""

EXPORTS = "exports/"
"""Tables as files."""

MAP_RESULTS = "map-runs/"
"""What Step Functions writes about the items of Distributed Maps."""

FAILURES = f"{MAP_RESULTS}failures/"
"""The errors with which items of Distributed Maps failed, one for each execution."""


def run_folder(run_id: str) -> str:
    """The prefix of everything about a run."""
    return f"{RUNS}{run_id}/"


def report_key(migration_id: str) -> str:
    """A migration's report, as JSON."""
    return f"{run_folder(migration_id)}report.json"


def replayed_folder(migration_id: str) -> str:
    """The prefix of lists of a migration's rejections that replays have stored, one list for each replay."""
    return f"{run_folder(migration_id)}replayed/"


def progress_folder(execution: str) -> str:
    """The prefix of a migration's progress. ``execution``: its ARN or name."""
    return f"{PROGRESS}{execution.rpartition(':')[2]}/"


def failure_key(execution: str) -> str:
    """The error with which an item of the execution (its ARN or name) failed."""
    return f"{FAILURES}{execution.rpartition(':')[2]}.json"
