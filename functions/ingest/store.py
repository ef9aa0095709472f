"""Store the candidates of one table, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.api.batch import OnConflict
from dataforge.errors import Busy
from dataforge.postgres.sql import Sql
from dataforge.records.rejections import missing_parent
from dataforge.records.violation import Violation
from functions.ingest.candidates import Candidates, Results, Statuses, Violations, combine
from functions.ingest.skipped import resolve_skipped, triggers_of
from functions.ingest.statements import append_statement, arrays, store_statement

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


ROUNDS = 5
"""Attempts to store the rows whose keys other transactions stored meanwhile."""
_KEYS_CHANGED = 0
"""The number in the statement's answer that reports changed keys: see ``store_statement``."""


class KeysChanged(Exception):
    """The owner's triggers changed the keys of some rows. Which rows were stored is known only if each is stored alone."""


@dataclass(frozen=True)
class Answer:
    """The statement's answer for one candidate: see ``store_statement``."""

    state: bool | None
    missing_parents: tuple[bool, ...]

    @property
    def is_orphan(self) -> bool:
        return any(self.missing_parents)


def store(cursor: Cursor, candidates: Candidates, positions: Sequence[int], rule: OnConflict) -> Results:
    """Store the candidates at ``positions``. Takes one round trip, unless others store the same keys at the same time.

    Raises ``Busy``, ``KeysChanged`` if there are several candidates, and psycopg2's errors for what the owner's rules
    refuse.
    """
    remaining, results = list(positions), []
    for _ in range(ROUNDS):
        if remaining:
            stored, remaining = _store_round(cursor, candidates, remaining, rule)
            results.append(stored)
        if remaining and (triggers := triggers_of(cursor, candidates)):
            skipped, remaining = resolve_skipped(cursor, candidates, remaining, rule, triggers)
            results.append(skipped)
    if remaining:
        raise Busy(f"Other transactions repeatedly wrote the same rows of {candidates.table.name}.")
    return combine(results)


def _store_round(
    cursor: Cursor, candidates: Candidates, positions: Sequence[int], rule: OnConflict
) -> tuple[Results, list[int]]:
    """The results, and the positions to try again: their keys are stored, but not in the statement's snapshot."""
    answers = _execute(cursor, candidates, positions, rule)
    statuses: Statuses = {candidates.indices[p]: "inserted" for p in positions if p not in answers}
    violations: Violations = {}
    later = _later_conflicting(candidates, positions, answers)
    again = []
    for position, answer in answers.items():
        index = candidates.indices[position]
        if found := _violations(candidates, position, answer, rule, position in later):
            violations[index] = found
        elif answer.state is None:
            again.append(position)
        else:
            statuses[index] = _status(answer, rule)
    return Results(statuses, violations), again


def _execute(
    cursor: Cursor, candidates: Candidates, positions: Sequence[int], rule: OnConflict
) -> dict[int, Answer]:
    """The answers by position. A row without an answer was inserted."""
    cursor.execute(_statement(candidates, rule), arrays(candidates, positions))
    answers = {n: Answer(state, tuple(missing)) for n, state, *missing in cursor.fetchall()}
    if answers.pop(_KEYS_CHANGED, None):
        if len(positions) > 1:
            raise KeysChanged
        # The one row of a multiset was skipped. Another table has the row under a key that a trigger changed.
        state = None if candidates.table.is_multiset else False
        return {positions[0]: Answer(state, missing_parents=(False,) * len(candidates.table.other_keys))}
    return {positions[n - 1]: answer for n, answer in answers.items()}


def _statement(candidates: Candidates, rule: OnConflict) -> Sql:
    if candidates.table.is_multiset:
        return append_statement(candidates.table)
    return store_statement(
        candidates.table, update=rule == "update", conflicting=bool(candidates.conflicting)
    )


def _later_conflicting(
    candidates: Candidates, positions: Sequence[int], answers: dict[int, Answer]
) -> set[int]:
    """The candidates whose key an earlier candidate has, with other values. Orphans do not count."""
    later: set[int] = set()
    included = set(positions) if candidates.conflicting else set()
    for group in candidates.conflicting:
        contenders = [p for p in group if p in included and (p not in answers or not answers[p].is_orphan)]
        later.update(contenders[1:])
    return later


def duplicate_in_batch(candidates: Candidates) -> Violation:
    """The violation of a row whose key an earlier row of the batch has, with other values."""
    keys = ", ".join(candidates.table.key)
    message = (
        f"An earlier record of the batch has the same key ({keys}) and other values; that record is used"
    )
    return Violation("duplicate_in_batch", message)


def _violations(
    candidates: Candidates, position: int, answer: Answer, rule: OnConflict, is_later: bool
) -> list[Violation]:
    table = candidates.table
    violations = [
        missing_parent(key, candidates.values(position, key.columns))
        for key, missing in zip(table.other_keys, answer.missing_parents, strict=True)
        if missing
    ]
    if rule != "update" and answer.state:
        return violations
    if is_later:
        violations.append(duplicate_in_batch(candidates))
    elif rule == "reject" and answer.state is False:
        keys = ", ".join(table.key)
        message = f"The table has a row with the same key ({keys}) and other values; the row is unchanged"
        violations.append(Violation("conflict", message))
    return violations


def _status(answer: Answer, rule: OnConflict) -> str:
    if rule == "update":
        return "updated" if answer.state is False else "unchanged"
    return "unchanged" if answer.state else "ignored"
