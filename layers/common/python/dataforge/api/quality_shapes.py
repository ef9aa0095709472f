"""The shape of a quality report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dataforge.api.shapes import Shape

Score = Annotated[float | None, Field(description="1 - rejected / read; null where nothing was read")]


class WindowScore(Shape):
    """The records of the window."""

    score: Score
    read: int
    accepted: int
    rejected: int


class TrendPoint(Shape):
    """A thirtieth of the window in which something was read; ``at`` is when it begins."""

    at: str
    read: int
    rejected: int
    score: Score


class Freshness(Shape):
    """When something was last read."""

    last_read_at: str | None
    age_seconds: int | None


class RuleScore(Shape):
    """One rule of the catalogue, in the window; a column of null stands for the record as a whole."""

    rule: Literal["not_null", "type", "pattern", "range", "uniqueness", "foreign_key", "record"]
    column: str | None
    checked: int
    failed: int
    pass_rate: float | None


class Reconciliation(Shape):
    """The last published migration: every record accounted for, and the hashes of source and table."""

    migration_id: str
    finished_at: str | None
    quality: float | None
    read: int
    loaded: int
    unchanged: int
    deduplicated: int
    rejected: int
    source_hash: str | None
    target_hash: str | None
    reconciled: bool


class TableQuality(WindowScore):
    """One table, over all that was ever read, and in the window."""

    table: str
    threshold: float
    window: WindowScore
    freshness: Freshness
    trend: list[TrendPoint]
    rules: list[RuleScore]
    last_migration: Reconciliation | None


class DatasetQuality(WindowScore):
    """One dataset: its tables together, and each."""

    dataset: str
    description: str
    threshold: Annotated[float, Field(description="the highest of its tables")]
    window: WindowScore
    freshness: Freshness
    trend: list[TrendPoint]
    tables: list[TableQuality]


class QualityReport(Shape):
    """The quality of each requested dataset."""

    window: str
    data: list[DatasetQuality]
