"""Count the API keys that end soon, for an alarm before their callers are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.aws.metric_names import KEYS_ENDING
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics import Metrics

    from dataforge.postgres.types import Cursor


_COUNT = Sql("""
    SELECT count(*) FROM dataforge.key_limits
    WHERE (limits->>'expires')::date BETWEEN (now() AT TIME ZONE 'UTC')::date
        AND (now() AT TIME ZONE 'UTC')::date + %s
""")


def count_ending(cursor: Cursor, days: int) -> int:
    """The keys whose last day is today or within ``days``. Keys that have ended are not counted: their alarm came before."""
    cursor.execute(_COUNT, (days,))
    (count,) = one_row(cursor)
    return int(count)


def publish_ending(metrics: Metrics, count: int) -> None:
    """Add the metric, if there are such keys."""
    if count:
        metrics.add_metric(KEYS_ENDING, "Count", count)
