"""The report's rejections by reason, with examples, and its counts of cleaned values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from dataforge.runs.results.report import Example, Reason
from functions.migrate.run.ledger import TALLIES
from functions.migrate.run.migration import Run
from functions.migrate.run.rejections.read import read_uncounted
from functions.migrate.run.rejections.reasons import StoredReason

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


RAW_LIMIT = 120
"""Maximum size in characters of a quoted record. More people may read a report than the data, so it contains less."""


def rejections_of(cursor: Cursor, run: Run, stored: Iterable[StoredReason]) -> dict[str, tuple[Reason, ...]]:
    """The rejection reasons of each table, most frequent first: code, column, rows, and the first examples in file order.

    An example has ``file``, ``line``, ``message`` and ``raw``, which is None for a record longer than ``RAW_LIMIT``. A
    reason without examples concerns only rejections whose errors are in the report bucket.
    """
    found = list(stored)
    examples = _examples(cursor, run, sorted({number for reason in found for _, _, number in reason.first}))
    shown = {
        reason[:3]: tuple(examples[n, reason.code, reason.column] for *_, n in dict.fromkeys(reason.first))
        for reason in found
    }
    counts = Counter({reason[:3]: reason.rows for reason in found})
    for table, uncounted in read_uncounted(cursor, run.id).items():
        counts.update({(table, *reason): rows for reason, rows in uncounted.by_reason.items()})
    reasons: dict[str, list[Reason]] = defaultdict(list)
    for (table, code, column), rows in sorted(counts.items(), key=_most_frequent_first):
        some = shown.get((table, code, column), ())
        reasons[table].append(Reason(code=code, column=column, rows=rows, examples=some))
    return {table: tuple(some) for table, some in reasons.items()}


def _most_frequent_first(item: tuple[tuple[str, str, str | None], int]) -> tuple[int, str, str, str]:
    (table, code, column), rows = item
    return -rows, table, code, column or "\U0010ffff"


def _examples(cursor: Cursor, run: Run, numbers: list[int]) -> dict[tuple[int, str, str | None], Example]:
    cursor.execute(
        "SELECT id, e->>'code', e->>'column', file, line, e->>'message',"
        " CASE WHEN length(raw #>> '{}') <= %s THEN raw #>> '{}' END"
        " FROM dataforge.rejections, jsonb_array_elements(errors) e WHERE migration_id = %s AND id = ANY(%s)",
        (RAW_LIMIT, run.id, numbers),
    )
    return {
        (number, code, column): Example(file=file, line=line, message=message, raw=raw)
        for number, code, column, file, line, message, raw in cursor.fetchall()
    }


def cleanings_of(cursor: Cursor, run: Run) -> dict[str, dict[str, int]]:
    """The number of cleaned values of each table, by column and cleaning."""
    cursor.execute(
        Sql(
            "SELECT t.key, t.value->'cleanings' FROM dataforge.migration_chunks c,"
            " jsonb_each({}) t WHERE migration_id = %s"
        ).format(TALLIES),
        (run.id,),
    )
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for table, counts in cursor.fetchall():
        totals[table].update(counts)
    return {table: dict(counts) for table, counts in totals.items()}
