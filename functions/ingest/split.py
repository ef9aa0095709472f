"""Storing candidates some of which the owner's rules refuse: in ever smaller groups, so that only the refused are left out.

A group is stored behind a savepoint; one that is refused is divided, down to single records. A thousand records that are all
refused take about 1,300 statements, one among a thousand good ones about 20.
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
from dataforge.records.validate import Violation
from functions.ingest.candidates import Candidates, Statuses, Violations
from functions.ingest.store import KeysChanged, beaten, store

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SINGLY = 8
"""A refused group of so many is stored record by record: to halve it further would take as many statements."""

_RULES = """
    SELECT array_agg(rulename::text ORDER BY rulename) FROM pg_rewrite
    WHERE ev_class = %s::regclass AND ev_type IN ('2', '3') AND ev_enabled <> 'D'
"""
"""Rules on UPDATE and INSERT. PostgreSQL takes no ON CONFLICT where there are any."""

Unit = list[int]
"""Places that are stored together: one, or those of rivals, of which the first good one counts."""


def store_split(
    cursor: Cursor, candidates: Candidates, rule: OnConflict, statuses: Statuses, violations: Violations
) -> None:
    """Store what the owner's rules accept. Every other candidate gets violations."""
    cursor.execute("SAVEPOINT part")
    pending = [_units(candidates)]
    while pending:
        units = pending.pop()
        error = _attempt(cursor, candidates, [p for unit in units for p in unit], rule, statuses, violations)
        if error is None:
            continue
        if isinstance(error, psycopg2.errors.FeatureNotSupported):
            objection = [_ruled(cursor, candidates)]
            violations |= {candidates.indices[place]: objection for unit in units for place in unit}
        elif len(units) > 1:
            pending += reversed(_divided(units))
        elif isinstance(error, psycopg2.Error) and len(units[0]) == 1:
            [place] = units[0]
            violations[candidates.indices[place]] = [_refused(candidates, place, error)]
        else:
            _store_rivals(cursor, candidates, units[0], rule, statuses, violations)
    cursor.execute("RELEASE SAVEPOINT part")


def _ruled(cursor: Cursor, candidates: Candidates) -> Violation:
    table = candidates.table
    cursor.execute(_RULES, (qualified(table),))
    (names,) = one_row(cursor)
    where = f"{table.dataset}.{table.name}"
    text = f"no record can be stored in {where} while it has a rule on INSERT or UPDATE"
    return Violation(CODE, f"{', '.join(names or ())}: {text}")


def _units(candidates: Candidates) -> list[Unit]:
    """In the order of the keys, in which all batches lock rows."""
    together = {place: group for group in candidates.rivals for place in group}
    firsts = [p for p in range(len(candidates.indices)) if p not in together or together[p][0] == p]
    key = [candidates.columns[candidates.table.column_names.index(name)] for name in candidates.table.key]
    firsts.sort(key=lambda place: [column[place] or "" for column in key])
    return [together.get(place, [place]) for place in firsts]


def _divided(units: Sequence[Unit]) -> list[list[Unit]]:
    if len(units) <= _SINGLY:
        return [[unit] for unit in units]
    middle = len(units) // 2
    return [list(units[:middle]), list(units[middle:])]


def _attempt(
    cursor: Cursor,
    candidates: Candidates,
    places: Sequence[int],
    rule: OnConflict,
    statuses: Statuses,
    violations: Violations,
) -> psycopg2.Error | KeysChanged | None:
    """Store these places, or nothing; the error if the owner's rules refuse one of them, or each has to be stored alone."""
    found: Statuses = {}
    objections: Violations = {}
    try:
        store(cursor, candidates, places, rule, found, objections)
    except (psycopg2.Error, KeysChanged) as error:
        if isinstance(error, psycopg2.Error) and not _is_answer(candidates, error):
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT part")
        return error
    cursor.execute("RELEASE SAVEPOINT part; SAVEPOINT part")
    statuses |= found
    violations |= objections
    return None


def _is_answer(candidates: Candidates, error: psycopg2.Error) -> bool:
    unsupported = isinstance(error, psycopg2.errors.FeatureNotSupported)
    return unsupported or violation(candidates.table, error) is not None


def _store_rivals(
    cursor: Cursor,
    candidates: Candidates,
    rivals: Unit,
    rule: OnConflict,
    statuses: Statuses,
    violations: Violations,
) -> None:
    """Store the first that is not refused: each is tried alone, because a statement for all those left costs all of them."""
    first = ""
    for place in rivals:
        index = candidates.indices[place]
        is_stored = first in {"inserted", "updated"} or (first != "" and rule == "update")
        error = None if is_stored else _attempt(cursor, candidates, [place], rule, statuses, violations)
        if isinstance(error, psycopg2.Error):
            violations[index] = [_refused(candidates, place, error)]
        elif not first:
            first = statuses.get(index) or ("kept" if violations[index][0].code == "conflict" else "")
        elif statuses.get(index) != "unchanged":
            statuses.pop(index, None)
            violations[index] = [beaten(candidates)]


def _refused(candidates: Candidates, place: int, error: psycopg2.Error) -> Violation:
    table = candidates.table
    if is_lost_parent(table, error):
        [key] = [key for key in table.foreign_keys if key.name == error.diag.constraint_name]
        return missing_parent(key, candidates.value(place, key.column))
    return violation(table, error) or Violation(CODE, f"SQLSTATE {error.pgcode}")
