"""The report of a migration: the object report.json in the run's folder."""

from __future__ import annotations

from pydantic import Field

from dataforge.runs.results.base import OfTable, Result
from dataforge.runs.results.cost import Cost
from dataforge.runs.results.migration import MigratedTable, TableCounts


class Example(Result):
    """A rejected record. ``raw`` is None for a record that is too long to quote."""

    file: str | None
    line: int | None
    message: str
    raw: str | None


class Reason(Result):
    """A reason of rejections, with the first examples in file order."""

    code: str
    column: str | None
    rows: int
    examples: tuple[Example, ...]


class MissingParent(Result):
    """The values of a reference for which no parent exists, as texts, and the number of rows that have them."""

    values: tuple[str, ...]
    rows: int


class Orphans(Result):
    """The rows of the run without a parent, of a reference that is not enforced.

    ``missing``: the number of different values. The most frequent examples are the first.
    """

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    rows: int
    missing: int
    examples: tuple[MissingParent, ...]


class SuggestedFix(Result):
    """A declaration that would accept rejected values. ``column``: None for the whole file."""

    column: str | None
    text: str
    declaration: str
    values: int


class ReportedTable(MigratedTable):
    """A table with the content hashes of source and target.

    ``differences`` are the keys of rows that reconciliation found on one side only. ``cleanings`` are counted by
    "column.cleaning". The most frequent reason is the first. ``orphans``: one entry for each reference that is not enforced.
    """

    source_hash: str | None
    target_hash: str | None
    differences: tuple[str, ...]
    rejections: tuple[Reason, ...]
    cleanings: dict[str, int]
    orphans: tuple[Orphans, ...] = ()
    suggestions: tuple[SuggestedFix, ...] = ()


class ReportedFile(Result):
    """A source file, with the number of its chunks and its counts for each table.

    ``missing_columns``: the optional columns that it lacks. ``ignored_columns``: its headers that no column takes.
    """

    bucket: str
    key: str
    etag: str
    size: int
    chunks: int
    tables: tuple[TableCounts, ...] = ()
    missing_columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()


class Phase(Result):
    """A phase of the run; ``start`` and duration in seconds since the start of the run."""

    phase: str
    start: float
    seconds: float


class Throughput(Result):
    """The rates of the load in intervals of ``bucket_seconds``, from ``start`` on."""

    start: float
    bucket_seconds: float
    rows_per_second: tuple[float, ...]


class Workers(Result):
    """The loaded chunks, and the peak memory of a worker in MiB."""

    chunks: int
    peak_memory_mb: int


class RejectionFile(OfTable):
    """A file of rejections as JSON Lines; ``uri`` is an S3 URI."""

    rows: int
    uri: str


class Effort(Result):
    """The duration, throughput, memory and cost of a run."""

    phases: tuple[Phase, ...]
    throughput: Throughput
    workers: Workers
    cost: Cost


class Report(Result):
    """``replay`` is the run's input of that name. Times are in ISO 8601. ``ignored_reasons`` are by file name.

    ``rejections_expire``: the day from which rejections and ``rejection_files`` are deleted. ``rejections_without_row``: the
    number of rejections that are only in files. ``known_tables``: those of which nothing was loaded, because their files and
    rows are those of the last run.
    """

    migration_id: str
    execution: str
    dataset: str
    prefix: str
    status: str
    error: str | None
    cause: str | None
    mode: str
    on_conflict: str
    replay: dict[str, str] | None
    quality: float | None
    quality_threshold: float
    row_hash: str
    started_at: str
    finished_at: str
    seconds: float
    tables: tuple[ReportedTable, ...]
    files: tuple[ReportedFile, ...]
    ignored_files: tuple[str, ...] = ()
    ignored_reasons: dict[str, str] = Field(default_factory=dict)
    phases: tuple[Phase, ...]
    throughput: Throughput
    workers: Workers
    cost: Cost
    rejection_files: tuple[RejectionFile, ...]
    rejections_expire: str | None = None
    rejections_without_row: int = 0
    known_tables: tuple[str, ...] = ()
