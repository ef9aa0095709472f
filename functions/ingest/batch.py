"""Process one batch in one transaction: validate, store rows, and store the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.api.batch import Batch, OnConflict
from dataforge.errors import Busy, DiskFull, OutOfMemory, Unavailable
from dataforge.postgres.connection import database_error, transaction
from dataforge.postgres.owner_rules import is_lost_parent, is_raised, refusal
from dataforge.postgres.visible_rows import require_declared, require_key
from dataforge.records.violation import Violation
from dataforge.tables.datasets import get_dataset
from functions.ingest import ledger
from functions.ingest.answer import BatchAnswer, make_answer
from functions.ingest.candidates import Candidates, Results, Statuses, Violations, combine, validate_batch
from functions.ingest.circle import is_circular, store_circle
from functions.ingest.identities import advance_identities, fill_identities
from functions.ingest.new_rows import expects_new, learn, store_new
from functions.ingest.outcome import CHECK_DEFERRED, store_outcome
from functions.ingest.rejected import NO_BUCKET, TextStore
from functions.ingest.split import store_split
from functions.ingest.store import KeysChanged, store

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


ATTEMPTS = 3
_LOST_RACES = (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure)
"""Another transaction took locks in a different order."""

_SCHEMA_ERRORS = (psycopg2.ProgrammingError, psycopg2.errors.ObjectNotInPrerequisiteState)
"""A table, column, key or privilege is missing."""


class Strategy(IntEnum):
    """How a batch is stored. Each strategy is tried after the owner's rules refused the batch with the one before."""

    NEW = 0
    """As new rows, whose keys are not stored and whose parents are."""
    WHOLE = 1
    """One statement per table."""
    SPLIT = 2
    """In groups, so that only the refused records are rejected."""
    IMMEDIATE = 3
    """In groups, with deferred constraints checked by every statement, which shows the record that they refuse."""


def ingest(
    db: Connection,
    batch: Batch,
    claim: ledger.Claim | None = None,
    texts: TextStore = NO_BUCKET,
    key_id: str | None = None,
) -> BatchAnswer | ledger.Stored:
    """Process a batch in one transaction, or return the stored answer for the claim's key.

    ``texts``: where rejected records are stored. ``key_id``: the API key that sent the batch.

    Raises ``KeyReused``, ``RequestInProgress``,
    ``RowSecurity``, ``TableChanged``, ``RejectionsTooLarge``, ``Busy``, ``Unavailable``; then nothing is stored.
    """
    batch = fill_identities(db, batch)
    candidates, invalid = validate_batch(get_dataset(batch.dataset), batch.records)
    new = [c for c in candidates if expects_new(db, c, batch.on_conflict)]
    strategy, races = Strategy.NEW if new else Strategy.WHOLE, 0
    while races < ATTEMPTS:
        try:
            with transaction(db) as cursor:
                return _work(cursor, batch, candidates, invalid, claim, strategy, texts, key_id)
        except (psycopg2.Error, Busy, Unavailable, DiskFull, OutOfMemory, KeysChanged) as error:
            cause = error if isinstance(error, KeysChanged) else database_error(error)
            if strategy is Strategy.NEW and _is_refusal(cause):
                for table in new:
                    learn(db, table, inserted=False)
                strategy = Strategy.WHOLE
            elif _is_race(candidates, cause) and races < ATTEMPTS - 1:
                races += 1
            elif _is_refusal(cause) and strategy < Strategy.IMMEDIATE:
                strategy = Strategy(strategy + 1)
            elif isinstance(cause, _LOST_RACES):
                break
            else:
                if isinstance(cause, _SCHEMA_ERRORS):
                    _require_tables(db, candidates)
                raise
    raise Busy("Other transactions repeatedly changed the same rows.")


def _require_tables(db: Connection, candidates: Sequence[Candidates]) -> None:
    """Raise ``TableChanged`` if a table differs from its declaration."""
    with transaction(db) as cursor:
        tables = [c.table for c in candidates]
        require_declared(cursor, tables)
        require_key(cursor, tables)


def _is_race(candidates: Sequence[Candidates], error: BaseException | None) -> bool:
    """Whether a retry of the same batch can succeed."""
    if is_raised(error):
        return False
    return isinstance(error, _LOST_RACES) or any(is_lost_parent(c.table, error) for c in candidates)


def _is_refusal(error: BaseException | None) -> bool:
    """Whether the owner's constraints, triggers or rules refuse a record or the statement."""
    unsupported = isinstance(error, psycopg2.errors.FeatureNotSupported | KeysChanged)
    return unsupported or refusal(error) is not None


def _work(
    cursor: Cursor,
    batch: Batch,
    candidates: Sequence[Candidates],
    invalid: Violations,
    claim: ledger.Claim | None,
    strategy: Strategy,
    texts: TextStore,
    key_id: str | None,
) -> BatchAnswer | ledger.Stored:
    batch_id = ledger.new_batch_id()
    if claim and (stored := ledger.take_claim(cursor, batch_id, claim, ledger.Origin.of(batch, key_id))):
        return stored
    if batch.mode == "atomic":
        cursor.execute("SAVEPOINT rows")
    if strategy is Strategy.IMMEDIATE:
        cursor.execute(CHECK_DEFERRED)
    results = combine(
        _store_tables(cursor, group, batch.on_conflict, strategy) for group in _in_circles(batch, candidates)
    )
    advance_identities(cursor, candidates)
    violations = invalid | results.violations
    if batch.mode == "atomic" and violations:
        cursor.execute("ROLLBACK TO SAVEPOINT rows")
        violations |= _not_atomic(batch, violations)
    elif batch.mode == "dry_run":
        cursor.execute(CHECK_DEFERRED)
    statuses = _statuses(batch, results.statuses, violations)
    answer = make_answer(batch_id, batch.mode, batch.records, statuses, violations)
    if batch.mode == "dry_run":
        cursor.connection.rollback()
        return answer
    used = store_outcome(cursor, batch, violations, answer, texts, key_id, keyed=claim is not None)
    return replace(answer, used_budget=used)


def _in_circles(batch: Batch, candidates: Sequence[Candidates]) -> list[list[Candidates]]:
    """The candidates, with those of the tables of a circle together."""
    dataset = get_dataset(batch.dataset)
    circles: dict[tuple[str, ...], list[Candidates]] = {}
    for table in candidates:
        circles.setdefault(dataset.circle(table.table.name), []).append(table)
    return list(circles.values())


def _store_tables(
    cursor: Cursor, circle: Sequence[Candidates], rule: OnConflict, strategy: Strategy
) -> Results:
    """Store the candidates of one table, or of the tables of a circle. The results include those of their duplicates."""

    def store_table(candidates: Candidates) -> Results:
        if strategy is Strategy.NEW and expects_new(cursor.connection, candidates, rule):
            return store_new(cursor, candidates)
        if strategy <= Strategy.WHOLE:
            results = store(cursor, candidates, range(len(candidates.indices)), rule)
            learn(cursor.connection, candidates, inserted=results.all_inserted)
            return results
        return store_split(cursor, candidates, rule)

    if any(map(is_circular, circle)):
        results = store_circle(cursor, circle, store_table, defer=strategy is not Strategy.IMMEDIATE)
    else:
        results = store_table(circle[0])
    duplicates = (_duplicates(candidates, results.violations) for candidates in circle)
    return combine((results, *duplicates))


def _duplicates(candidates: Candidates, violations: Violations) -> Results:
    """A duplicate of a rejected row has the same violations; any other is unchanged."""
    rejected = {i: violations[first] for i, first in candidates.duplicates.items() if first in violations}
    unchanged = {i: "unchanged" for i, first in candidates.duplicates.items() if first not in violations}
    return Results(unchanged, rejected)


def _statuses(batch: Batch, statuses: Statuses, violations: Violations) -> list[str]:
    """The status of each record, in the order of the batch."""
    valid = "valid" if batch.mode == "dry_run" else ""
    return [
        "rejected" if index in violations else valid or statuses[index] for index in range(len(batch.records))
    ]


def _not_atomic(batch: Batch, violations: Violations) -> Violations:
    """The violations of the valid records in an atomic batch that failed."""
    reason = Violation("not_atomic", "The record is valid, but other records of this atomic batch are not")
    return {index: [reason] for index in range(len(batch.records)) if index not in violations}
