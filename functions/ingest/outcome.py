"""Store the outcome of a batch beside its rows: rejections, quality facts, and the answer for its idempotency key."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dataforge.api.batch import Batch
from dataforge.defaults import BATCH_RAW_BYTES
from dataforge.postgres.sql import Sql
from dataforge.records.quality import Fact, broken_rules, insert_statement
from dataforge.records.text_budget import USE, USED
from dataforge.tables.datasets import get_dataset
from functions.ingest import ledger
from functions.ingest.answer import BatchAnswer
from functions.ingest.candidates import Violations
from functions.ingest.rejected import Divided, TextStore, divide, store_content

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Statement = tuple[Sql, list[Any]]
"""SQL and its parameters."""

CHECK_DEFERRED = Sql("SET CONSTRAINTS ALL IMMEDIATE")
"""Checks the owner's deferred constraints before the answer is final."""

_REJECT = Sql("""
    INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index, raw_at, text_bytes, key_id)
    SELECT %s, r."table", r.raw, r.errors, %s, r.index, r.raw_at, r.text_bytes, %s
    FROM unnest(%s::text[], %s::jsonb[], %s::jsonb[], %s::integer[], %s::jsonb[], %s::integer[])
        AS r ("table", raw, errors, index, raw_at, text_bytes)
""")
_USED = CHECK_DEFERRED + Sql("; ") + USED


def store_outcome(
    cursor: Cursor,
    batch: Batch,
    violations: Violations,
    answer: BatchAnswer,
    texts: TextStore,
    key_id: str | None,
    *,
    keyed: bool,
) -> float | None:
    """Store the outcome in the caller's transaction. ``key_id``: the API key that sent the batch. ``keyed``: the batch has
    an idempotency key.

    Takes one round trip, and two if a record is rejected. Returns the used share of the dataset's budget for rejected
    text, if a record was rejected. Raises ``RejectionsTooLarge`` if records are too large for the database and cannot be
    put into the report bucket.
    """
    statements: list[Statement] = [] if violations else [(CHECK_DEFERRED, [])]
    if facts := facts_of(batch, violations):
        statements.append(insert_statement("batch", answer.batch_id, batch.dataset, facts))
    if keyed:
        statements += ledger.answer_statements(answer.batch_id, answer.status, answer.body)
    used = None
    if violations:
        used = _check_deferred(cursor, batch.dataset)
        room = min(BATCH_RAW_BYTES, max(0, texts.budget - used))
        divided = divide(batch, answer.batch_id, violations, room)
        # The object is put first: the row of the dataset's budget is locked until the transaction ends.
        store_content(divided, texts.put)
        statements += _rejections(batch.dataset, answer.batch_id, key_id, divided)
        used += divided.text_bytes
    _execute(cursor, statements)
    return None if used is None else used / max(texts.budget, 1)


def _execute(cursor: Cursor, statements: list[Statement]) -> None:
    texts, values = zip(*statements, strict=True)
    cursor.execute(Sql(";").join(texts), [value for some in values for value in some])


def _check_deferred(cursor: Cursor, dataset: str) -> int:
    """Check the owner's deferred constraints. Returns the bytes of rejected text of the dataset's batches.

    Simultaneous batches read the same number, so they may exceed the budget by one share each.
    """
    cursor.execute(_USED, (dataset,))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def facts_of(batch: Batch, violations: Violations) -> list[Fact]:
    """One fact for each of the batch's tables in the catalogue. Records for unknown tables are not counted."""
    dataset = get_dataset(batch.dataset)
    read = Counter(map(itemgetter("table"), batch.records))
    rejected: dict[str, list[Any]] = {}
    for index, found in violations.items():
        rejected.setdefault(batch.records[index]["table"], []).append(found)
    return [
        Fact(name, count, len(found), broken_rules(dataset.table(name), found))
        for name, count in read.items()
        if name in dataset.tables
        for found in [rejected.get(name, [])]
    ]


_COLUMNS = ("table", "raw", "errors", "index", "raw_at", "text_bytes")


def _rejections(dataset: str, batch_id: str, key_id: str | None, divided: Divided) -> list[Statement]:
    arrays = [[getattr(row, name) for row in divided.rows] for name in _COLUMNS]
    return [(_REJECT, [dataset, batch_id, key_id, *arrays]), (USE, [dataset, divided.text_bytes])]
