"""Report the quality of datasets and tables from the stored facts of migrations and batches.

A score is 1 - rejected / read, over all records and over a window; null if no record was read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.errors import InvalidRequest
from dataforge.postgres.sql import Sql
from dataforge.records.quality import quality_of
from dataforge.runs.quality_sums import FACT_ID
from dataforge.tables.catalogue import Dataset
from functions.deliver.quality.rules import as_documents, count_failures

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


DEFAULT_WINDOW = "30d"
POINTS = 30
"""Points of a trend, or fewer: a point of a window of more than 30 days is whole days."""
_DAY = timedelta(days=1)

_WINDOW = re.compile(r"([1-9][0-9]{0,2})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_UTC = Sql("""to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""")

_PARTS = Sql("""
    WITH span AS (
        SELECT begins, ((begins - interval '1 microsecond') AT TIME ZONE 'UTC')::date + 1 AS day,
            coalesce((SELECT until FROM dataforge.quality_summed), '0') AS until
        FROM (SELECT CASE WHEN %(whole_days)s THEN date_trunc('day', now() - %(window)s, 'UTC')
            ELSE now() - %(window)s END) s (begins)
    ), parts AS (
        SELECT "table", day::timestamp AT TIME ZONE 'UTC' AS at, read, rejected, rules
        FROM dataforge.quality_sums
        WHERE dataset = %(dataset)s AND "table" = ANY(%(tables)s) AND day >= (SELECT day FROM span)
        UNION ALL
        SELECT "table", at, read, rejected, rules FROM dataforge.quality_facts
        WHERE dataset = %(dataset)s AND "table" = ANY(%(tables)s) AND at > (SELECT begins FROM span)
            AND at < (SELECT day::timestamp AT TIME ZONE 'UTC' FROM span)
        UNION ALL
        SELECT "table", at, read, rejected, rules FROM dataforge.quality_facts
        WHERE dataset = %(dataset)s AND "table" = ANY(%(tables)s) AND {id} >= (SELECT until FROM span)
            AND at >= (SELECT day::timestamp AT TIME ZONE 'UTC' FROM span)
    )""").format(id=FACT_ID)
"""The facts of the window: sums of whole days, and single facts of its first, partial day and of those not yet summed.

A window of more than 30 days begins at midnight, because a day can have tens of thousands of facts.
"""

_TOTALS = Sql("""
    {parts}, every AS (
        SELECT "table", read, rejected, 0 AS read_lately, 0 AS rejected_lately, newest FROM dataforge.quality_sums
        WHERE dataset = %(dataset)s
        UNION ALL
        SELECT "table", read, rejected, 0, 0, at FROM dataforge.quality_facts
        WHERE dataset = %(dataset)s AND {id} >= (SELECT until FROM span)
        UNION ALL
        SELECT "table", 0, 0, read, rejected, NULL FROM parts
    )
    SELECT "table", sum(read)::bigint, sum(rejected)::bigint, sum(read_lately)::bigint, sum(rejected_lately)::bigint,
        {newest}, extract(epoch FROM now() - max(newest))::bigint
    FROM every GROUP BY "table"
""").format(parts=_PARTS, id=FACT_ID, newest=_UTC.format(Sql("max(newest)")))

_POINTS = Sql("""
    SELECT "table", {} AS begins, sum(read)::bigint, sum(rejected)::bigint
    FROM {} GROUP BY "table", begins ORDER BY begins
""").format(_UTC.format(Sql("date_bin(%(step)s, at, timestamptz '2000-01-03 00:00:00Z')")), Sql("{}"))
_TREND_OF_DAYS = _PARTS + _POINTS.format(Sql("parts"))
_TREND = _POINTS.format(
    Sql(
        'dataforge.quality_facts WHERE dataset = %(dataset)s AND "table" = ANY(%(tables)s) AND at > now() - %(window)s'
    )
)
"""Points within days are made of single facts."""

_CODES = _PARTS + Sql("""
    SELECT "table", columns.key, codes.key, sum(codes.value::bigint)::bigint
    FROM parts, jsonb_each(rules) AS columns, jsonb_each_text(columns.value) AS codes
    WHERE rejected > 0 GROUP BY 1, 2, 3
""")
_MIGRATIONS = Sql("""
    SELECT DISTINCT ON ("table") "table", migration_id, quality_threshold, {},
        t.quality, read, loaded, unchanged, deduplicated, rejected, source_hash, target_hash
    FROM dataforge.migration_tables t JOIN dataforge.migrations m USING (migration_id)
    WHERE t.dataset = %(dataset)s AND status = 'published' AND replay IS NULL ORDER BY "table", migration_id DESC
""").format(_UTC.format(Sql("finished_at")))
_RECONCILED = ("read", "loaded", "unchanged", "deduplicated", "rejected", "source_hash", "target_hash")

Totals = tuple[int, int, int, int, str | None, int | None]
"""Records read and rejected in total, read and rejected in the window, and the newest fact's time and age in seconds."""
_NONE: Totals = (0, 0, 0, 0, None, None)


@dataclass(frozen=True)
class Facts:
    """The stored facts of one dataset, by table."""

    totals: Mapping[str, Totals]
    trend: Mapping[str, list[tuple[str, int, int]]]
    codes: Mapping[str, Mapping[tuple[str, str], int]]
    migrations: Mapping[str, Sequence[Any]]


def read_window(text: str) -> timedelta:
    """Parse a window: ``30d``, ``12h``, ``4w``. Raises ``InvalidRequest``."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        message = "a window is a number of hours, days or weeks, up to three digits: 12h, 30d, 4w"
        raise InvalidRequest(
            f"The query is invalid: {message}.",
            [{"parameter": "window", "code": "wrong_value", "message": message}],
        )
    return int(match[1]) * _UNITS[match[2]]


def describe_quality(cursor: Cursor, dataset: Dataset, window: timedelta) -> dict[str, Any]:
    """Describe the quality of a dataset and of each of its tables."""
    facts = _read(cursor, dataset, window)
    tables = [_describe(dataset, name, facts) for name in dataset.tables]
    thresholds = [table["threshold"] for table in tables]
    totals = [facts.totals.get(name, _NONE) for name in dataset.tables]
    newest = [total for total in totals if total[4]]
    trend: dict[str, tuple[int, int]] = {}
    for begins, read, rejected in sorted(point for points in facts.trend.values() for point in points):
        before = trend.get(begins, (0, 0))
        trend[begins] = (before[0] + read, before[1] + rejected)
    summed = tuple(sum(column) for column in zip(*(total[:4] for total in totals), strict=True))
    latest = max(newest, key=lambda total: str(total[4]), default=_NONE)
    return {
        "dataset": dataset.name,
        "description": dataset.description,
        "threshold": max(thresholds),
        **_scores(summed),
        "freshness": _freshness(latest),
        "trend": [_point(begins, *counts) for begins, counts in trend.items()],
        "tables": tables,
    }


def _read(cursor: Cursor, dataset: Dataset, window: timedelta) -> Facts:
    by_days = window >= POINTS * _DAY
    step = -(-window // (POINTS * _DAY)) * _DAY if by_days else window / POINTS
    values = {"dataset": dataset.name, "tables": list(dataset.tables), "window": window}
    values |= {"step": step, "whole_days": window > POINTS * _DAY}

    def rows(statement: str) -> list[Any]:
        cursor.execute(statement, values)
        return [row for row in cursor.fetchall() if row[0] in dataset.tables]

    trend: dict[str, list[tuple[str, int, int]]] = {}
    for name, *point in rows(_TREND_OF_DAYS if by_days else _TREND):
        trend.setdefault(name, []).append((point[0], point[1], point[2]))
    codes: dict[str, dict[tuple[str, str], int]] = {}
    for name, column, code, count in rows(_CODES):
        codes.setdefault(name, {})[column, code] = count
    return Facts(
        totals={name: tuple(totals) for name, *totals in rows(_TOTALS)},
        trend=trend,
        codes=codes,
        migrations={name: found for name, *found in rows(_MIGRATIONS)},
    )


def _describe(dataset: Dataset, name: str, facts: Facts) -> dict[str, Any]:
    totals = facts.totals.get(name, _NONE)
    table = dataset.tables[name]
    migration = facts.migrations.get(name)
    return {
        "table": name,
        "threshold": float(migration[1]) if migration else float(QUALITY_THRESHOLD),
        **_scores(totals),
        "freshness": _freshness(totals),
        "trend": [_point(*point) for point in facts.trend.get(name, ())],
        "rules": as_documents(count_failures(table, facts.codes.get(name, {})), totals[2]),
        "last_migration": _reconciliation(migration) if migration else None,
    }


def _scores(totals: Sequence[Any]) -> dict[str, Any]:
    read, rejected, read_lately, rejected_lately = totals[:4]
    return {
        "score": _score(read, rejected),
        "read": read,
        "accepted": read - rejected,
        "rejected": rejected,
        "window": {
            "score": _score(read_lately, rejected_lately),
            "read": read_lately,
            "accepted": read_lately - rejected_lately,
            "rejected": rejected_lately,
        },
    }


def _score(read: int, rejected: int) -> float | None:
    found = quality_of(read, rejected)
    return None if found is None else float(found)


def _point(begins: str, read: int, rejected: int) -> dict[str, Any]:
    return {"at": begins, "read": read, "rejected": rejected, "score": _score(read, rejected)}


def _freshness(totals: Sequence[Any]) -> dict[str, Any]:
    return {"last_read_at": totals[4], "age_seconds": totals[5]}


def _reconciliation(migration: Sequence[Any]) -> dict[str, Any]:
    migration_id, _, finished, quality, *counts = migration
    counted = dict(zip(_RECONCILED, counts, strict=True))
    accounted = counted["loaded"] + counted["unchanged"] + counted["deduplicated"] + counted["rejected"]
    return {
        "migration_id": migration_id,
        "finished_at": finished,
        "quality": None if quality is None else float(quality),
        **counted,
        "reconciled": counted["read"] == accounted and counted["source_hash"] == counted["target_hash"],
    }
