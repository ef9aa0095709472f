"""Rows that are neither stored nor identical to stored ones: what the owner's triggers made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.api.batch import OnConflict
from dataforge.postgres.ddl import qualified
from dataforge.postgres.owner_rules import CODE
from dataforge.postgres.rows import one_row
from dataforge.records.validate import Violation
from functions.ingest.candidates import Candidates, Statuses, Violations
from functions.ingest.statements import arrays, note_statement, noted_statement, present_statement, updates

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_TRIGGERS = """
    SELECT array_agg(DISTINCT tgname::text ORDER BY tgname::text) FROM pg_trigger
    WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 3 = 3 AND tgtype & 20 <> 0
    AND (tgrelid = %(table)s::regclass OR tgrelid IN (SELECT relid FROM pg_partition_tree(%(table)s)))
"""
"""The triggers that run before each inserted or updated row, and may leave it out."""


def triggers_of(cursor: Cursor, candidates: Candidates) -> list[str]:
    """The names of the triggers that may have left out a row of the table."""
    cursor.execute(_TRIGGERS, {"table": qualified(candidates.table)})
    (names,) = one_row(cursor)
    return names or []


def judge_rest(
    cursor: Cursor,
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


def _present(cursor: Cursor, candidates: Candidates, places: Sequence[int]) -> set[int]:
    cursor.execute(present_statement(candidates.table), arrays(candidates, places))
    return {places[n - 1] for (n,) in cursor.fetchall()}


def _made_what_is_stored(cursor: Cursor, candidates: Candidates, places: Sequence[int]) -> set[int]:
    """The places whose rows the owner's triggers turn into what is stored already, so that no update was needed."""
    parameters = arrays(candidates, places)
    cursor.execute("SAVEPOINT notes")
    cursor.execute(note_statement(candidates.table), parameters)
    cursor.execute(noted_statement(candidates.table), parameters)
    found = {places[n - 1] for (n,) in cursor.fetchall()}
    cursor.execute("ROLLBACK TO SAVEPOINT notes; RELEASE SAVEPOINT notes")
    return found


def _left_out(candidates: Candidates, triggers: Sequence[str]) -> Violation:
    table = candidates.table
    which = f"{', '.join(triggers)}: {'this trigger' if len(triggers) == 1 else 'one of these triggers'}"
    return Violation(CODE, f"{which} of {table.dataset}.{table.name} left the record out")
