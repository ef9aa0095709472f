"""Check a run's quality against its threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.errors import QualityTooLow
from functions.migrate.run.migration import Run
from functions.migrate.run.rejections.read import read_uncounted
from functions.migrate.run.rejections.reasons import StoredReason, read_reasons
from functions.migrate.run.suggestions import suggestions_of

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


REASONS = 3
"""Reasons that the error names."""


def require_quality(cursor: Cursor, run: Run) -> None:
    """Raise ``QualityTooLow`` if the quality of the run or of one of its tables is below the threshold."""
    cursor.execute(
        "SELECT 'all tables together', quality, NULL, NULL FROM dataforge.migrations"
        " WHERE migration_id = %(id)s AND quality < %(threshold)s UNION ALL"
        ' SELECT "table", quality, rejected, read FROM dataforge.migration_tables'
        " WHERE migration_id = %(id)s AND quality < %(threshold)s",
        {"id": run.id, "threshold": run.threshold},
    )
    low = [
        f"{name} {value:.6f}" + (f" ({rejected} of {read} rows rejected)" if read else "")
        for name, value, rejected, read in cursor.fetchall()
    ]
    if low:
        stored = list(read_reasons(cursor, run))
        raise QualityTooLow(
            f"The quality is below the threshold {run.threshold:f}: {'; '.join(low)}. Nothing was published.",
            f"Most frequent reasons: {'; '.join(_frequent_reasons(cursor, run, stored))}.",
            _hint(cursor, run, stored),
        )


def _hint(cursor: Cursor, run: Run, stored: Sequence[StoredReason]) -> str:
    """The suggestions that concern the most values, each with its column; else empty."""
    found = [
        (
            suggestion.values,
            f"{table}{f'.{suggestion.column}' if suggestion.column else ''}: {suggestion.text}",
        )
        for table, suggestions in suggestions_of(cursor, run, stored).items()
        for suggestion in suggestions
    ]
    shown = [text for _, text in sorted(found, reverse=True)[:REASONS]]
    more = [f"{len(found) - REASONS} more in the report"] if len(found) > REASONS else []
    return "; ".join([*shown, *more])


def _frequent_reasons(cursor: Cursor, run: Run, stored: Sequence[StoredReason]) -> list[str]:
    """The most frequent reasons, each with its first example as file, line, column and code, without a value."""
    first = {reason[:3]: f", first in {reason.first[0][0]} line {reason.first[0][1]:,}" for reason in stored}
    counts = Counter({reason[:3]: reason.rows for reason in stored})
    for table, uncounted in read_uncounted(cursor, run.id).items():
        counts.update({(table, *reason): rows for reason, rows in uncounted.by_reason.items()})
    frequent = sorted(counts.items(), key=lambda item: (-item[1], [name or "" for name in item[0]]))
    return [
        f"{code}{f' in column {column}' if column else ''} ({rows:,} {'row' if rows == 1 else 'rows'})"
        + first.get((table, code, column), "")
        for (table, code, column), rows in frequent[:REASONS]
    ]
