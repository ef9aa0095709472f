"""Storing candidates, table by table, in the caller's transaction; what the database says becomes each row's status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataforge.api.batch import OnConflict
from dataforge.ddl import qualified
from dataforge.errors import Busy
from dataforge.owner_rules import CODE
from dataforge.rejections import missing_parent
from dataforge.rows import Violation
from functions.ingest.candidates import Candidates, Violations
from functions.ingest.statements import array, probe_statement, store_statement

ROUNDS = 5
"""How often a table's rest is tried again after other transactions stored the same keys meanwhile."""


Statuses = dict[int, str]
"""What became of records, by their index in the batch."""

_TRIGGERS = """
    SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 3 = 3 AND tgtype & 20 <> 0
"""
"""The triggers that run before each inserted or updated row, and may leave it out."""


@dataclass(frozen=True)
class Answer:
    """What the database says about one candidate: see ``store_statement``."""

    state: bool | None
    orphan: tuple[bool, ...]

    @property
    def is_orphan(self) -> bool:
        return any(self.orphan)


def store(
    cursor: Any,
    candidates: Candidates,
    places: Sequence[int],
    rule: OnConflict,
    statuses: Statuses,
    violations: Violations,
) -> None:
    """Store a table's candidates at these places: one round trip, unless others store the same keys at the same time.

    Every candidate gets a status, or violations. Raises ``Busy``, and psycopg2's errors for what the owner's rules refuse.
    """
    left = list(places)
    for _ in range(ROUNDS):
        if not left:
            return
        left = _store_round(cursor, candidates, left, rule, statuses, violations)
    if not left:
        return
    cursor.execute(_TRIGGERS, (qualified(candidates.table),))
    (triggers,) = cursor.fetchone()
    if not triggers:
        raise Busy(f"Others keep writing the same rows of {candidates.table.name}.")
    same = _made_what_is_stored(cursor, candidates, left) if rule == "update" else set()
    for place in left:
        if place in same:
            statuses[candidates.indices[place]] = "unchanged"
        else:
            violations[candidates.indices[place]] = [_left_out(candidates, triggers)]


def _made_what_is_stored(cursor: Any, candidates: Candidates, places: Sequence[int]) -> set[int]:
    """The places whose rows the owner's triggers turn into what is stored already, so that no update was needed."""
    if candidates.table.keyed_by_row:
        return set()
    cursor.execute("SAVEPOINT probe")
    cursor.execute(probe_statement(candidates.table), _arrays(candidates, places))
    found = {places[n - 1] for n, same in cursor.fetchall() if same}
    cursor.execute("ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe")
    return found


def _left_out(candidates: Candidates, triggers: Sequence[str]) -> Violation:
    table = candidates.table
    which = f"{', '.join(triggers)}: {'this trigger' if len(triggers) == 1 else 'one of these triggers'}"
    return Violation(CODE, f"{which} of {table.dataset}.{table.name} left the record out")


def _store_round(
    cursor: Any,
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
    cursor: Any, candidates: Candidates, places: Sequence[int], rule: OnConflict
) -> dict[int, Answer]:
    statement = store_statement(candidates.table, update=rule == "update", rivals=bool(candidates.rivals))
    cursor.execute(statement, _arrays(candidates, places))
    return {places[n - 1]: Answer(state, tuple(orphan)) for n, state, *orphan in cursor.fetchall()}


def _arrays(candidates: Candidates, places: Sequence[int]) -> list[str]:
    """The candidates at these places, as the parameters of a statement."""
    whole = len(places) == len(candidates.indices)
    columns = candidates.columns if whole else [[c[place] for place in places] for c in candidates.columns]
    return list(map(array, columns))


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
