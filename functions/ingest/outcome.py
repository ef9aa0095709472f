"""Store the outcome of a batch beside its rows: rejections, quality facts, and the answer for its idempotency key."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dataforge.api.batch import Batch
from dataforge.postgres.sql import Sql
from dataforge.records.quality import Fact, broken_rules, insert_statement
from dataforge.tables.datasets import get_dataset
from functions.ingest import ledger
from functions.ingest.answer import BatchAnswer
from functions.ingest.candidates import Violations
from functions.ingest.rejected import Put, Rejection, divide, store_content

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Statement = tuple[Sql, list[Any]]
"""SQL and its parameters."""

CHECK_DEFERRED = Sql("SET CONSTRAINTS ALL IMMEDIATE")
"""Checks the owner's deferred constraints before the answer is final."""

_REJECT = Sql("""
    INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index, raw_at)
    SELECT %s, r."table", r.raw, r.errors, %s, r.index, r.raw_at
    FROM unnest(%s::text[], %s::jsonb[], %s::jsonb[], %s::integer[], %s::jsonb[])
        AS r ("table", raw, errors, index, raw_at)
""")


def store_outcome(
    cursor: Cursor,
    batch: Batch,
    violations: Violations,
    answer: BatchAnswer,
    put: Put | None,
    *,
    keyed: bool,
) -> None:
    """Store the outcome in the caller's transaction, in one round trip. ``keyed``: the batch has an idempotency key.

    The rejected records that are too large for the database are ``put`` into the report bucket before the transaction is
    committed. Raises ``RejectionsTooLarge`` if that fails.
    """
    statements: list[Statement] = [(CHECK_DEFERRED, [])]
    divided = divide(batch, answer.batch_id, violations)
    if divided.rows:
        statements.append(_rejections(batch.dataset, answer.batch_id, divided.rows))
    if facts := facts_of(batch, violations):
        statements.append(insert_statement("batch", answer.batch_id, batch.dataset, facts))
    if keyed:
        statements += ledger.answer_statements(answer.batch_id, answer.status, answer.body)
    texts, values = zip(*statements, strict=True)
    cursor.execute(Sql(";").join(texts), [value for some in values for value in some])
    store_content(divided, put)


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


def _rejections(dataset: str, batch_id: str, rows: list[Rejection]) -> Statement:
    arrays = [[getattr(row, name) for row in rows] for name in ("table", "raw", "errors", "index", "raw_at")]
    return _REJECT, [dataset, batch_id, *arrays]
