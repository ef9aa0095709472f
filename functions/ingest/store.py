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
from functions.ingest.statements import (
    array,
    note_statement,
    noted_statement,
    present_statement,
    store_statement,
    updates,
)

ROUNDS = 5
"""How often a table's rest is tried again after other transactions stored the same keys meanwhile."""


Statuses = dict[int, str]
"""What became of records, by their index in the batch."""

_TRIGGERS = """
    SELECT array_agg(DISTINCT tgname::text ORDER BY tgname::text) FROM pg_trigger
    WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 3 = 3 AND tgtype & 20 <> 0
    AND (tgrelid = %(table)s::regclass OR tgrelid IN (SELECT relid FROM pg_partition_tree(%(table)s)))
"""
"""The triggers that run before each inserted or updated row, and may leave it out."""
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
    cursor: Any,
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
        if left and (triggers := _triggers(cursor, candidates)):
            left = _judge_rest(cursor, candidates, left, rule, triggers, statuses, violations)
    if left:
        raise Busy(f"Others keep writing the same rows of {candidates.table.name}.")


def _triggers(cursor: Any, candidates: Candidates) -> list[str]:
    cursor.execute(_TRIGGERS, {"table": qualified(candidates.table)})
    (names,) = cursor.fetchone()
    return names or []


def _judge_rest(
    cursor: Any,
    candidates: Candidates,
    places: Sequence[int],
    rule: OnConflict,
    triggers: Sequence[str],
    statuses: Statuses,
    violations: Violations,
) -> list[int]:
    """Say what became of rows that triggers may have left out. Returns those whose keys others stored meanwhile."""
    overwrites = updates(candidates.table, rule == "update")
    found = (_made_what_is_stored if overwrites else _present)(cursor, candidates, places)
    for place in places:
        if place not in found:
            violations[candidates.indices[place]] = [_left_out(candidates, triggers)]
        elif overwrites:
            statuses[candidates.indices[place]] = "unchanged"
    return [] if overwrites else sorted(found)


def _present(cursor: Any, candidates: Candidates, places: Sequence[int]) -> set[int]:
    cursor.execute(present_statement(candidates.table), _arrays(candidates, places))
    return {places[n - 1] for (n,) in cursor.fetchall()}


def _made_what_is_stored(cursor: Any, candidates: Candidates, places: Sequence[int]) -> set[int]:
    """The places whose rows the owner's triggers turn into what is stored already, so that no update was needed."""
    arrays = _arrays(candidates, places)
    cursor.execute("SAVEPOINT notes")
    cursor.execute(note_statement(candidates.table), arrays)
    cursor.execute(noted_statement(candidates.table), arrays)
    found = {places[n - 1] for (n,) in cursor.fetchall()}
    cursor.execute("ROLLBACK TO SAVEPOINT notes; RELEASE SAVEPOINT notes")
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
    answers = {n: Answer(state, tuple(orphan)) for n, state, *orphan in cursor.fetchall()}
    if answers.pop(_KEYS_CHANGED, None):
        if len(places) > 1:
            raise KeysChanged
        return {places[0]: Answer(state=False, orphan=())}
    return {places[n - 1]: answer for n, answer in answers.items()}


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
