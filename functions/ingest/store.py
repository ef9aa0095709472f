"""Storing candidates, table by table, in the caller's transaction; what the database says becomes each row's status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.api.batch import OnConflict
from dataforge.errors import Busy
from dataforge.records.rejections import missing_parent
from dataforge.records.validate import Violation
from functions.ingest.candidates import Candidates, Statuses, Violations
from functions.ingest.left_out import judge_rest, triggers_of
from functions.ingest.statements import arrays, store_statement

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


ROUNDS = 5
"""How often a table's rest is tried again after other transactions stored the same keys meanwhile."""
_KEYS_CHANGED = 0
"""The place in the answers that says so: see ``store_statement``."""


class KeysChanged(Exception):
    """The owner's triggers gave some rows other keys: which of several rows were stored shows when each is stored alone."""


@dataclass(frozen=True)
class Answer:
    """What the database says about one candidate: see ``store_statement``."""

    state: bool | None
    orphan: tuple[bool, ...]

    @property
    def is_orphan(self) -> bool:
        return any(self.orphan)


def store(
    cursor: Cursor,
    candidates: Candidates,
    places: Sequence[int],
    rule: OnConflict,
    statuses: Statuses,
    violations: Violations,
) -> None:
    """Store a table's candidates at these places: one round trip, unless others store the same keys at the same time.

    Every candidate gets a status, or violations. Raises ``Busy``, ``KeysChanged`` unless it is one candidate, and psycopg2's
    errors for what the owner's rules refuse.
    """
    left = list(places)
    for _ in range(ROUNDS):
        if left:
            left = _store_round(cursor, candidates, left, rule, statuses, violations)
        if left and (triggers := triggers_of(cursor, candidates)):
            left = judge_rest(cursor, candidates, left, rule, triggers, statuses, violations)
    if left:
        raise Busy(f"Others keep writing the same rows of {candidates.table.name}.")


def _store_round(
    cursor: Cursor,
    candidates: Candidates,
    places: Sequence[int],
    rule: OnConflict,
    statuses: Statuses,
    violations: Violations,
) -> list[int]:
    """Returns the places that must be tried again: their keys are stored, but were not in the statement's snapshot."""
    answers = _execute(cursor, candidates, places, rule)
    for place in places:
        if place not in answers:
            statuses[candidates.indices[place]] = "inserted"
    later = _beaten(candidates, places, answers)
    again = []
    for place, answer in answers.items():
        index = candidates.indices[place]
        if found := _objections(candidates, place, answer, rule, place in later):
            violations[index] = found
        elif answer.state is None:
            again.append(place)
        else:
            statuses[index] = _status(answer, rule)
    return again


def _execute(
    cursor: Cursor, candidates: Candidates, places: Sequence[int], rule: OnConflict
) -> dict[int, Answer]:
    statement = store_statement(candidates.table, update=rule == "update", rivals=bool(candidates.rivals))
    cursor.execute(statement, arrays(candidates, places))
    answers = {n: Answer(state, tuple(orphan)) for n, state, *orphan in cursor.fetchall()}
    if answers.pop(_KEYS_CHANGED, None):
        if len(places) > 1:
            raise KeysChanged
        return {places[0]: Answer(state=False, orphan=())}
    return {places[n - 1]: answer for n, answer in answers.items()}


def _beaten(candidates: Candidates, places: Sequence[int], answers: dict[int, Answer]) -> set[int]:
    """The candidates whose key an earlier one has, with other values; orphans do not count."""
    later: set[int] = set()
    asked = set(places) if candidates.rivals else set()
    for group in candidates.rivals:
        contenders = [p for p in group if p in asked and (p not in answers or not answers[p].is_orphan)]
        later.update(contenders[1:])
    return later


def beaten(candidates: Candidates) -> Violation:
    """The violation of a row whose key an earlier one of the batch has, with other values."""
    keys = ", ".join(candidates.table.key)
    message = f"An earlier record of the batch has the same key ({keys}) and other values; it counts"
    return Violation("duplicate_in_batch", message)


def _objections(
    candidates: Candidates, place: int, answer: Answer, rule: OnConflict, is_beaten: bool
) -> list[Violation]:
    table = candidates.table
    found = [
        missing_parent(key, candidates.value(place, key.column))
        for key, missing in zip(table.foreign_keys, answer.orphan, strict=True)
        if missing
    ]
    keys = ", ".join(table.key)
    if rule != "update" and answer.state:
        return found
    if is_beaten:
        found.append(beaten(candidates))
    elif rule == "reject" and answer.state is False:
        found.append(
            Violation(
                "conflict", f"The table has a row with the same key ({keys}) and other values; it is kept"
            )
        )
    return found


def _status(answer: Answer, rule: OnConflict) -> str:
    if rule == "update":
        return "updated" if answer.state is False else "unchanged"
    return "unchanged" if answer.state else "ignored"
