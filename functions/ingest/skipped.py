"""Results of rows that the owner's triggers may have skipped: rows neither stored nor identical to stored ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.api.batch import OnConflict
from dataforge.postgres.ddl import qualified
from dataforge.postgres.owner_rules import CODE
from dataforge.postgres.rows import one_row
from dataforge.records.violation import Violation
from functions.ingest.candidates import Candidates, Results, Statuses, Violations
from functions.ingest.statements import (
    arrays,
    present_statement,
    record_unchanged_statement,
    unchanged_statement,
    updates,
)

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_TRIGGERS = """
    SELECT array_agg(DISTINCT tgname::text ORDER BY tgname::text) FROM pg_trigger
    WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 3 = 3 AND tgtype & 20 <> 0
    AND (tgrelid = %(table)s::regclass OR tgrelid IN (SELECT relid FROM pg_partition_tree(%(table)s)))
"""
"""Triggers that run before each inserted or updated row, and can skip it."""


def triggers_of(cursor: Cursor, candidates: Candidates) -> list[str]:
    """The names of the triggers that can skip a row of the table."""
    cursor.execute(_TRIGGERS, {"table": qualified(candidates.table)})
    (names,) = one_row(cursor)
    return names or []


def resolve_skipped(
    cursor: Cursor,
    candidates: Candidates,
    positions: Sequence[int],
    rule: OnConflict,
    triggers: Sequence[str],
) -> tuple[Results, list[int]]:
    """The results of rows that triggers may have skipped, and the positions whose keys others stored meanwhile."""
    overwrites = updates(candidates.table, rule == "update")
    found = (_unchanged if overwrites else _present)(cursor, candidates, positions)
    skipped = [_skipped(candidates, triggers)]
    violations: Violations = {candidates.indices[p]: skipped for p in positions if p not in found}
    if not overwrites:
        return Results(violations=violations), sorted(found)
    statuses: Statuses = {candidates.indices[p]: "unchanged" for p in found}
    return Results(statuses, violations), []


def _present(cursor: Cursor, candidates: Candidates, positions: Sequence[int]) -> set[int]:
    if candidates.table.is_multiset:
        return set()
    cursor.execute(present_statement(candidates.table), arrays(candidates, positions))
    return {positions[n - 1] for (n,) in cursor.fetchall()}


def _unchanged(cursor: Cursor, candidates: Candidates, positions: Sequence[int]) -> set[int]:
    """The positions whose rows the owner's triggers make equal to the stored ones, so that they need no update."""
    parameters = arrays(candidates, positions)
    cursor.execute("SAVEPOINT unchanged")
    cursor.execute(record_unchanged_statement(candidates.table), parameters)
    cursor.execute(unchanged_statement(candidates.table), parameters)
    found = {positions[n - 1] for (n,) in cursor.fetchall()}
    cursor.execute("ROLLBACK TO SAVEPOINT unchanged; RELEASE SAVEPOINT unchanged")
    return found


def _skipped(candidates: Candidates, triggers: Sequence[str]) -> Violation:
    table = candidates.table
    which = f"{', '.join(triggers)}: {'this trigger' if len(triggers) == 1 else 'one of these triggers'}"
    return Violation(CODE, f"{which} of {table.dataset}.{table.name} left the record out")
