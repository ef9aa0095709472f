"""One batch, from the envelope to the answer: judge, store, keep what is to be known of it, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.api.batch import Batch
from dataforge.errors import Busy, DiskFull, OutOfMemory, Unavailable
from dataforge.postgres.connection import transaction
from dataforge.postgres.owner_rules import is_lost_parent, is_raised, refusal
from dataforge.postgres.visible_rows import require_declared, require_key
from dataforge.records.validate import Violation
from dataforge.tables.datasets import get_dataset
from functions.ingest import ledger
from functions.ingest.answer import BatchAnswer, make_answer
from functions.ingest.candidates import Candidates, Statuses, Violations, judge
from functions.ingest.outcome import CHECK_DEFERRED, leave
from functions.ingest.split import store_split
from functions.ingest.store import KeysChanged, store

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


ATTEMPTS = 3
_LOST_RACES = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)
"""Another transaction took a lock in another order."""


_OF_THE_SCHEMA = (psycopg2.ProgrammingError, psycopg2.errors.ObjectNotInPrerequisiteState)
"""A table, a column, a key or a right is not there."""


class Care(IntEnum):
    """How a batch is stored, each time after the owner's rules refused what the one before stored."""

    WHOLE = 0
    """One statement per table."""
    SPLIT = 1
    """In groups, so that only the records that are refused are left out."""
    IMMEDIATE = 2
    """In groups, and deferred constraints are checked with every statement, so that it is known which record they refuse."""


def ingest(db: Connection, batch: Batch, claim: ledger.Claim | None = None) -> BatchAnswer | ledger.Stored:
    """Do what the batch asks for, in one transaction, and answer; or return the answer that the claim's key has already.

    Raises ``KeyReused``, ``RequestInProgress``, ``RowSecurity``, ``TableChanged``, ``Busy``, ``Unavailable``; then
    nothing is stored.
    """
    candidates, violations = judge(get_dataset(batch.dataset), batch.records)
    care, races = Care.WHOLE, 0
    while races < ATTEMPTS:
        try:
            with transaction(db) as cursor:
                return _work(cursor, batch, candidates, dict(violations), claim, care)
        except (psycopg2.Error, Busy, Unavailable, DiskFull, OutOfMemory, KeysChanged) as error:
            cause = error if isinstance(error, psycopg2.Error | KeysChanged) else error.__cause__
            if _is_race(candidates, cause) and races < ATTEMPTS - 1:
                races += 1
            elif _is_refusal(cause) and care < Care.IMMEDIATE:
                care = Care(care + 1)
            elif isinstance(cause, _LOST_RACES):
                break
            else:
                if isinstance(cause, _OF_THE_SCHEMA):
                    _require_tables(db, candidates)
                raise
    raise Busy("Other transactions keep changing the same rows.")


def _require_tables(db: Connection, candidates: Sequence[Candidates]) -> None:
    """Raises ``TableChanged`` if that is why a statement of ours was refused."""
    with transaction(db) as cursor:
        tables = [found.table for found in candidates]
        require_declared(cursor, tables)
        require_key(cursor, tables)


def _is_race(candidates: Sequence[Candidates], error: BaseException | None) -> bool:
    """Whether the same batch may be stored if it is tried again."""
    if is_raised(error):
        return False
    return isinstance(error, _LOST_RACES) or any(is_lost_parent(c.table, error) for c in candidates)


def _is_refusal(error: BaseException | None) -> bool:
    """Whether the owner's rules refuse a record, or, for rules of PostgreSQL's rule system, the statement."""
    unsupported = isinstance(error, psycopg2.errors.FeatureNotSupported | KeysChanged)
    return unsupported or refusal(error) is not None


def _work(
    cursor: Cursor,
    batch: Batch,
    candidates: Sequence[Candidates],
    violations: Violations,
    claim: ledger.Claim | None,
    care: Care,
) -> BatchAnswer | ledger.Stored:
    batch_id = ledger.new_batch_id()
    if claim and (stored := ledger.take(cursor, batch_id, claim)):
        return stored
    if batch.mode == "atomic":
        cursor.execute("SAVEPOINT rows")
    if care is Care.IMMEDIATE:
        cursor.execute(CHECK_DEFERRED)
    statuses = _store_all(cursor, batch, candidates, violations, care)
    if batch.mode == "atomic" and violations:
        cursor.execute("ROLLBACK TO SAVEPOINT rows")
        statuses = _fail_whole(batch, violations)
    elif batch.mode == "dry_run":
        cursor.execute(CHECK_DEFERRED)
    answer = make_answer(batch_id, batch.mode, batch.records, statuses, violations)
    if batch.mode == "dry_run":
        cursor.connection.rollback()
        return answer
    leave(cursor, batch, violations, answer, keyed=claim is not None)
    return answer


def _store_all(
    cursor: Cursor, batch: Batch, candidates: Sequence[Candidates], violations: Violations, care: Care
) -> list[str]:
    """Store the candidates; returns each record's status, and adds what the database objects to."""
    statuses: Statuses = {}
    for table in candidates:
        if care is Care.WHOLE:
            store(cursor, table, range(len(table.indices)), batch.on_conflict, statuses, violations)
        else:
            store_split(cursor, table, batch.on_conflict, statuses, violations)
        for copy, first in table.copies.items():
            if first in violations:
                violations[copy] = violations[first]
            else:
                statuses[copy] = "unchanged"
    good = "valid" if batch.mode == "dry_run" else ""
    return [
        "rejected" if index in violations else good or statuses[index] for index in range(len(batch.records))
    ]


def _fail_whole(batch: Batch, violations: Violations) -> list[str]:
    reason = Violation("not_atomic", "The record is good, but others of this atomic batch are not")
    for index in range(len(batch.records)):
        violations.setdefault(index, [reason])
    return ["rejected"] * len(batch.records)
