"""The output of a migration's execution."""

from __future__ import annotations

from dataforge.runs.results.base import OfTable, Result


class Counts(Result):
    """The records of a file or table by their result. ``read`` is the sum of the others."""

    read: int
    loaded: int
    unchanged: int
    deduplicated: int
    rejected: int


COUNTS = tuple(Counts.model_fields)
"""The names of the counts, in order."""


class TableCounts(Counts, OfTable):
    """The counts of one table."""


class MigratedTable(TableCounts):
    """The result of one table.

    ``updated`` counts the loaded rows whose key was stored with other values. ``quality`` is None before reconciliation.
    """

    updated: int
    quality: float | None


class MigrationOutput(Result):
    """``ignored_files`` has as many of the ``ignored_count`` names as fit; ``report`` is the S3 URI of report.json.

    ``known_tables``: those of which nothing was loaded, because their files and rows are those of the last run.
    """

    migration_id: str
    status: str
    dataset: str
    quality: float | None
    tables: tuple[MigratedTable, ...]
    ignored_files: tuple[str, ...] = ()
    ignored_count: int = 0
    report: str
    known_tables: tuple[str, ...] = ()
