"""One batch, from the envelope to the answer: judge, store, keep what is to be known of it, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg2
import psycopg2.errors

from dataforge.api.batch import Batch
from dataforge.database import Connection, transaction
from dataforge.datasets import get_dataset
from dataforge.errors import Busy
from dataforge.rows import Violation
from functions.ingest import ledger
from functions.ingest.answer import BatchAnswer, make_answer
from functions.ingest.candidates import Candidates, Violations, judge
from functions.ingest.leave import leave
from functions.ingest.store import store

ATTEMPTS = 3
_LOST_RACES = (
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.ForeignKeyViolation,
    psycopg2.errors.SerializationFailure,
)
"""Another transaction came between: a parent was deleted after it was seen, or a lock was taken in another order."""


def ingest(db: Connection, batch: Batch, claim: ledger.Claim | None = None) -> BatchAnswer | ledger.Stored:
    """Do what the batch asks for, in one transaction, and answer; or return the answer that the claim's key has already.

    Raises ``KeyReused``, ``StillRunning``, ``Busy``, ``Unavailable``; nothing is stored then.
    """
    candidates, violations = judge(get_dataset(batch.dataset), batch.records)
    for _ in range(ATTEMPTS):
        try:
            with transaction(db) as cursor:
                return _work(cursor, batch, candidates, dict(violations), claim)
        except psycopg2.errors.ForeignKeyViolation:
            continue
        except Busy as error:
            if not isinstance(error.__cause__, _LOST_RACES):
                raise
    raise Busy("Other transactions keep changing the same rows.")


def _work(
    cursor: Any,
    batch: Batch,
    candidates: Sequence[Candidates],
    violations: Violations,
    claim: ledger.Claim | None,
) -> BatchAnswer | ledger.Stored:
    batch_id = ledger.new_batch_id()
    if claim and (stored := ledger.take(cursor, batch_id, claim)):
        return stored
    if batch.mode == "atomic":
        cursor.execute("SAVEPOINT rows")
    statuses = _store_all(cursor, batch, candidates, violations)
    if batch.mode == "atomic" and violations:
        cursor.execute("ROLLBACK TO SAVEPOINT rows")
        statuses = _fail_whole(batch, violations)
    answer = make_answer(batch_id, batch.mode, batch.records, statuses, violations)
    if batch.mode == "dry_run":
        cursor.connection.rollback()
        return answer
    leave(cursor, batch, violations, answer, keyed=claim is not None)
    return answer


def _store_all(
    cursor: Any, batch: Batch, candidates: Sequence[Candidates], violations: Violations
) -> list[str]:
    """Store the candidates; returns each record's status, and adds what the database objects to."""
    statuses = ["rejected"] * len(batch.records)
    for table in candidates:
        store(cursor, table, batch.on_conflict, statuses, violations)
        for copy, first in table.copies.items():
            if first in violations:
                violations[copy] = violations[first]
            else:
                statuses[copy] = "unchanged"
    if batch.mode == "dry_run":
        statuses = ["rejected" if i in violations else "valid" for i in range(len(statuses))]
    return statuses


def _fail_whole(batch: Batch, violations: Violations) -> list[str]:
    reason = Violation("not_atomic", "The record is good, but others of this atomic batch are not")
    for index in range(len(batch.records)):
        violations.setdefault(index, [reason])
    return ["rejected"] * len(batch.records)
