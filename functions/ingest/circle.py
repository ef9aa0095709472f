"""Store the candidates of tables that reference each other in a circle, or of a table that references itself.

Parents and children may be in one batch, in any order. So PostgreSQL checks these references after all rows are stored. Rows
whose parents are then missing are rejected, and the others are stored again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, ident
from dataforge.records.rejections import missing_parent
from dataforge.records.validate import Texts
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import ForeignKey
from functions.ingest.candidates import Candidates, Results, Violations, combine
from functions.ingest.statements import arrays, orphans_statement

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Missing = dict[int, list[tuple[ForeignKey, Texts]]]
"""The parents that are not stored, by the index of the record that references them."""


def is_circular(candidates: Candidates) -> bool:
    """Whether the table references itself, directly or through others."""
    return bool(candidates.table.circular_keys)


def store_circle(
    cursor: Cursor, circle: Sequence[Candidates], store: Callable[[Candidates], Results], *, defer: bool
) -> Results:
    """Store the candidates of a circle's tables, except those without a parent. ``store`` stores those of one table.

    ``defer``: whether PostgreSQL checks the circle's references after all rows are stored.
    """
    unstored = _missing(cursor, circle)
    orphans = _orphans(circle, unstored, {})
    cursor.execute("SAVEPOINT circle")
    while True:
        if defer:
            cursor.execute(_deferred(circle))
        left = [candidates.without(orphans) for candidates in circle]
        results = combine([store(candidates) for candidates in left])
        missing = _missing(cursor, [candidates.without(results.violations) for candidates in left])
        if not missing:
            break
        orphans = _orphans(circle, unstored, orphans | _violations(missing))
        cursor.execute("ROLLBACK TO SAVEPOINT circle")
    cursor.execute("RELEASE SAVEPOINT circle")
    return combine([results, Results(violations=orphans)])


def _deferred(circle: Sequence[Candidates]) -> Sql:
    names = [
        Sql("{}.{}").format(ident(candidates.table.dataset), ident(key.name))
        for candidates in circle
        for key in candidates.table.circular_keys
    ]
    return Sql("SET CONSTRAINTS {} DEFERRED").format(Sql(", ").join(names))


def _missing(cursor: Cursor, circle: Sequence[Candidates]) -> Missing:
    """The candidates' parents in the circle that are not stored now."""
    found: Missing = {}
    for candidates in circle:
        if candidates.indices:
            cursor.execute(
                orphans_statement(candidates.table), arrays(candidates, range(len(candidates.indices)))
            )
            for number, *flags in cursor.fetchall():
                found[candidates.indices[number - 1]] = [
                    (key, candidates.values(number - 1, key.columns))
                    for key, missing in zip(candidates.table.circular_keys, flags, strict=True)
                    if missing
                ]
    return found


def _violations(missing: Missing) -> Violations:
    return {index: [missing_parent(*parent) for parent in parents] for index, parents in missing.items()}


def _orphans(
    circle: Sequence[Candidates], unstored: Missing, known: Mapping[int, list[Violation]]
) -> Violations:
    """The ``known`` orphans, and candidates whose parent is not stored and not a candidate, except orphans."""
    found = dict(known)
    more = True
    while more:
        provided = _provided(circle, found)
        absent = {
            index: [
                (key, values)
                for key, values in parents
                if (key.parent, key.parent_columns, values) not in provided
            ]
            for index, parents in unstored.items()
            if index not in found
        }
        new = _violations({index: parents for index, parents in absent.items() if parents})
        found |= new
        more = bool(new)
    return found


def _provided(circle: Sequence[Candidates], rejected: Violations) -> set[tuple[str, tuple[str, ...], Texts]]:
    """The values that candidates would store in referenced columns, as (table, columns, values)."""
    referenced = {(key.parent, key.parent_columns) for c in circle for key in c.table.circular_keys}
    return {
        (table, columns, candidates.values(position, columns))
        for table, columns in referenced
        for candidates in circle
        if candidates.table.name == table
        for position, index in enumerate(candidates.indices)
        if index not in rejected
    }
