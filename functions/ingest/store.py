"""Storing candidates, table by table, in the caller's transaction; what the database says becomes each row's status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataforge.api.batch import OnConflict
from dataforge.errors import Busy
from dataforge.rejections import missing_parent
from dataforge.rows import Violation
from functions.ingest.candidates import Candidates, Violations
from functions.ingest.statements import array, store_statement

ROUNDS = 5
"""How often a table's rest is tried again after other transactions stored the same keys meanwhile."""


@dataclass(frozen=True)
class Answer:
    """What the database says about one candidate: see ``store_statement``."""

    state: bool | None
    orphan: tuple[bool, ...]

    @property
    def is_orphan(self) -> bool:
        return any(self.orphan)


def store(
    cursor: Any, candidates: Candidates, rule: OnConflict, statuses: list[str], violations: Violations
) -> None:
    """Store one table's candidates: one round trip, unless others store the same keys at the same time.

    Every candidate gets a status, or violations; so does every copy of one. Raises ``Busy``.
    """
    places = list(range(len(candidates.indices)))
    for _ in range(ROUNDS):
        if not places:
            return
        places = _store_round(cursor, candidates, places, rule, statuses, violations)
    raise Busy(f"Others keep writing the same rows of {candidates.table.name}.")


def _store_round(
    cursor: Any,
    candidates: Candidates,
    places: Sequence[int],
    rule: OnConflict,
    statuses: list[str],
    violations: Violations,
) -> list[int]:
    """Returns the places that must be tried again: their keys are stored, but were not in the statement's snapshot."""
    answers = _execute(cursor, candidates, places, rule)
    for place in places:
        if place not in answers:
            statuses[candidates.indices[place]] = "inserted"
    beaten = _beaten(candidates, places, answers)
    again = []
    for place, answer in answers.items():
        index = candidates.indices[place]
        if found := _objections(candidates, place, answer, rule, place in beaten):
            violations[index] = found
        elif answer.state is None and rule != "update":
            again.append(place)
        else:
            statuses[index] = _status(answer, rule)
    return again


def _execute(
    cursor: Any, candidates: Candidates, places: Sequence[int], rule: OnConflict
) -> dict[int, Answer]:
    statement = store_statement(candidates.table, update=rule == "update", rivals=bool(candidates.rivals))
    whole = len(places) == len(candidates.indices)
    columns = candidates.columns if whole else [[c[place] for place in places] for c in candidates.columns]
    cursor.execute(statement, list(map(array, columns)))
    return {places[n - 1]: Answer(state, tuple(orphan)) for n, state, *orphan in cursor.fetchall()}


def _beaten(candidates: Candidates, places: Sequence[int], answers: dict[int, Answer]) -> set[int]:
    """The candidates whose key an earlier one has, with other values; orphans do not count."""
    beaten: set[int] = set()
    asked = set(places) if candidates.rivals else set()
    for group in candidates.rivals:
        contenders = [p for p in group if p in asked and (p not in answers or not answers[p].is_orphan)]
        beaten.update(contenders[1:])
    return beaten


def _objections(
    candidates: Candidates, place: int, answer: Answer, rule: OnConflict, beaten: bool
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
    if beaten:
        message = f"An earlier record of the batch has the same key ({keys}) and other values; it counts"
        found.append(Violation("duplicate_in_batch", message))
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
