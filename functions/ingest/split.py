"""Store candidates some of which the owner's rules refuse, so that only the refused ones are rejected.

Each group of candidates is stored behind a savepoint. A group that is refused is divided, down to single records. A
thousand records that are all refused take about 1,300 statements; one among a thousand takes about 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import psycopg2

from dataforge.api.batch import OnConflict
from dataforge.postgres.ddl import qualified
from dataforge.postgres.owner_rules import CODE, is_lost_parent, violation
from dataforge.postgres.rows import one_row
from dataforge.records.rejections import missing_parent
from dataforge.records.violation import Violation
from functions.ingest.candidates import Candidates, Results, combine
from functions.ingest.store import KeysChanged, duplicate_in_batch, store

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SINGLY = 8
"""A refused group of this size is stored record by record: further halving would take as many statements."""

_RULES = """
    SELECT array_agg(rulename::text ORDER BY rulename) FROM pg_rewrite
    WHERE ev_class = %s::regclass AND ev_type IN ('2', '3') AND ev_enabled <> 'D'
"""
"""Rules on UPDATE and INSERT. PostgreSQL does not support ON CONFLICT on a table with such rules."""

Unit = list[int]
"""Positions that are stored together: one, or those of conflicting rows, of which the first valid one is stored."""


def store_split(cursor: Cursor, candidates: Candidates, rule: OnConflict) -> Results:
    """Store what the owner's rules accept. Every other candidate has violations in the results."""
    cursor.execute("SAVEPOINT part")
    results = []
    pending = [_units(candidates)]
    while pending:
        units = pending.pop()
        stored = _attempt(cursor, candidates, [p for unit in units for p in unit], rule)
        if isinstance(stored, Results):
            results.append(stored)
        elif isinstance(stored, psycopg2.errors.FeatureNotSupported):
            results.append(_unsupported(cursor, candidates, units))
        elif len(units) > 1:
            pending += reversed(_divided(units))
        elif isinstance(stored, psycopg2.Error) and len(units[0]) == 1:
            results.append(_refused(candidates, units[0][0], stored))
        else:
            results.append(_store_conflicting(cursor, candidates, units[0], rule))
    cursor.execute("RELEASE SAVEPOINT part")
    return combine(results)


def _unsupported(cursor: Cursor, candidates: Candidates, units: Sequence[Unit]) -> Results:
    table = candidates.table
    cursor.execute(_RULES, (qualified(table),))
    (names,) = one_row(cursor)
    text = f"no record can be stored in {table.dataset}.{table.name} while it has a rule on INSERT or UPDATE"
    violation = Violation(CODE, f"{', '.join(names or ())}: {text}")
    return Results(violations={candidates.indices[p]: [violation] for unit in units for p in unit})


def _units(candidates: Candidates) -> list[Unit]:
    """The units in key order, in which all batches lock rows. For a unique value, the first in the batch has precedence."""
    groups = {position: group for group in candidates.conflicting for position in group}
    firsts = [p for p in range(len(candidates.indices)) if p not in groups or groups[p][0] == p]
    if not candidates.table.uniques:
        firsts.sort(
            key=lambda position: [t or "" for t in candidates.values(position, candidates.table.identity)]
        )
    return [groups.get(position, [position]) for position in firsts]


def _divided(units: Sequence[Unit]) -> list[list[Unit]]:
    if len(units) <= _SINGLY:
        return [[unit] for unit in units]
    middle = len(units) // 2
    return [list(units[:middle]), list(units[middle:])]


def _attempt(
    cursor: Cursor, candidates: Candidates, positions: Sequence[int], rule: OnConflict
) -> Results | psycopg2.Error | KeysChanged:
    """Store all positions or none. Returns the error if the owner's rules refuse one, or if each must be stored alone."""
    try:
        results = store(cursor, candidates, positions, rule)
    except (psycopg2.Error, KeysChanged) as error:
        if isinstance(error, psycopg2.Error) and not _is_refusal(candidates, error):
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT part")
        return error
    cursor.execute("RELEASE SAVEPOINT part; SAVEPOINT part")
    return results


def _is_refusal(candidates: Candidates, error: psycopg2.Error) -> bool:
    unsupported = isinstance(error, psycopg2.errors.FeatureNotSupported)
    return unsupported or violation(candidates.table, error) is not None


def _store_conflicting(cursor: Cursor, candidates: Candidates, unit: Unit, rule: OnConflict) -> Results:
    """Store the first row that is not refused. Each is tried alone: one refusal would undo a statement for all of them."""
    results = []
    first = ""
    for position in unit:
        index = candidates.indices[position]
        if first in {"inserted", "updated"} or (first and rule == "update"):
            results.append(Results(violations={index: [duplicate_in_batch(candidates)]}))
            continue
        stored = _attempt(cursor, candidates, [position], rule)
        if isinstance(stored, psycopg2.Error):
            results.append(_refused(candidates, position, stored))
        elif isinstance(stored, KeysChanged) or (first and stored.statuses.get(index) != "unchanged"):
            results.append(Results(violations={index: [duplicate_in_batch(candidates)]}))
        else:
            results.append(stored)
            first = first or _first(stored, index)
    return combine(results)


def _first(results: Results, index: int) -> str:
    """The status of a row that takes its key, "conflict" if a stored row has the key, or nothing."""
    if index in results.statuses:
        return results.statuses[index]
    return "conflict" if results.violations[index][0].code == "conflict" else ""


def _refused(candidates: Candidates, position: int, error: psycopg2.Error) -> Results:
    table = candidates.table
    found = violation(table, error) or Violation(CODE, "the database refuses the record")
    if is_lost_parent(table, error):
        [key] = [key for key in table.foreign_keys if key.name == error.diag.constraint_name]
        values = candidates.values(position, key.columns)
        # A row without a parent is one itself: stored rows of the same table refer to the values that it would change.
        found = found if None in values else missing_parent(key, values)
    return Results(violations={candidates.indices[position]: [found]})
