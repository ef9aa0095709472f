"""Find in a dry run what an owner's triggers and rules would refuse, on a copy of each table that has some.

The copy has the name, rows, constraints, triggers and rules of the table, in another schema, and the statements of the
restore change it. Everything is rolled back, also what triggers write to other tables. Numbers that they take from sequences
are not returned, and what they do outside the database is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.errors import TargetRejectsRows
from dataforge.postgres import ddl, shadow
from dataforge.postgres.owner_rules import is_taken, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident, literal
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.stored_errors import NumberDiffers
from dataforge.runs.unattended.trial import error_of
from dataforge.tables.catalogue import Table
from functions.restore.difference import count_created, create_difference
from functions.restore.merge import changes_of, differs, only_some_changed
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_AFTER = "rows that differ afterwards"
"""The name of an expected number; the others are of changed rows."""

_NAME = (
    "SELECT quote_ident(nspname) || '.' || quote_ident(relname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s::regclass"
)
_CODE = """
    SELECT pg_get_triggerdef(oid), ' ON ' FROM pg_trigger
    WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal AND tgenabled IN ('O', 'A')
    UNION ALL SELECT pg_get_ruledef(oid), ' TO ' FROM pg_rewrite
    WHERE ev_class = %(table)s::regclass AND ev_enabled IN ('O', 'A')
"""
_CONSTRAINTS = """
    SELECT format('ADD CONSTRAINT %%I %%s', conname, pg_get_constraintdef(oid))
               || CASE WHEN contype = 'c' AND convalidated THEN ' NOT VALID' ELSE '' END
    FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'x', 'c') ORDER BY contype = 'c', oid
"""
"""Checks concern changed rows only: stored ones may violate a check that was added as NOT VALID."""
_INDEXES = """
    SELECT pg_get_indexdef(indexrelid), ' ON ' FROM pg_index
    WHERE indrelid = %s::regclass AND indisunique AND indisvalid
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
"""


def has_code(cursor: Cursor, table: Table) -> bool:
    """Whether the table has triggers or rules that would run."""
    cursor.execute(_CODE, {"table": ddl.qualified(table)})
    return cursor.fetchone() is not None


def try_changes(cursor: Cursor, run: Run, table: Table) -> None:
    """Make the changes of the restore on the copy, and roll them back. Raises ``TargetRejectsRows``.

    A restore drops declared unique constraints if rows swap their values. Refusals by functions that the restore may not
    use for another table are not found.
    """
    copy = replace(table, dataset=shadow.schema_of(run.id + "_trial"))
    error = error_of(cursor, _trial(cursor, run, table, copy))
    if is_taken(copy, error):
        error = error_of(cursor, _trial(cursor, run, table, copy, has_uniques=False))
    if error is None:
        return
    if isinstance(error, NumberDiffers):
        raise _refused(table, error)
    if refusal(error) is not None:
        reason = describe(error).replace(f"{copy.dataset}.", f"{table.dataset}.")
        raise TargetRejectsRows(f"{reason}. Nothing was restored.")
    if not isinstance(error, psycopg2.errors.InsufficientPrivilege):
        raise error


def _refused(table: Table, error: NumberDiffers) -> TargetRejectsRows:
    if error.name == _AFTER:
        return differs(table, f"Rows: {error.found}.")
    return only_some_changed(table, error.found, error.expected)


def _trial(cursor: Cursor, run: Run, table: Table, copy: Table, *, has_uniques: bool = True) -> Script:
    script = Script()
    script.execute(Sql("SELECT dataforge_steps.create_shadows({})").format(literal(copy.dataset)))
    for statement in _create_copy(cursor, table, copy):
        script.execute(statement)
    for unique in () if has_uniques else copy.uniques:
        script.execute(
            Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(ddl.qualified(copy), ident(unique.name))
        )
    script.execute(create_difference(run, copy))
    script.store(count_created(run, copy))
    for word, statement in changes_of(run, copy):
        script.change_counted(statement, word, copy.name)
    script.execute(Sql("SET CONSTRAINTS ALL IMMEDIATE"))
    script.execute(create_difference(run, copy))
    counts = Sql("SELECT added + removed + changed FROM ({}) counts").format(count_created(run, copy))
    script.require(counts, 0, _AFTER)
    return script


def _create_copy(cursor: Cursor, table: Table, copy: Table) -> Iterator[Sql]:
    """The statements that create the copy, in this order: a trigger concerns changes only."""
    live, name, columns = ddl.qualified(table), ddl.qualified(copy), ddl.columns_sql(table)
    yield Sql(
        "CREATE UNLOGGED TABLE {} (LIKE {} INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES)"
    ).format(name, live)
    yield Sql("INSERT INTO {} ({}) SELECT {} FROM {}").format(name, columns, columns, live)
    cursor.execute(_CONSTRAINTS, (live,))
    for (addition,) in cursor.fetchall():
        yield Sql("ALTER TABLE {} {}").format(name, from_catalog(addition))
    yield from _definitions(cursor, table, copy, _INDEXES, (live,))
    yield from _definitions(cursor, table, copy, _CODE, {"table": live})


def _definitions(
    cursor: Cursor, table: Table, copy: Table, query: str, parameters: tuple[str] | dict[str, Sql]
) -> Iterator[Sql]:
    """The definitions that the query finds, for the copy."""
    cursor.execute(_NAME, (ddl.qualified(table),))
    (name,) = one_row(cursor)
    cursor.execute(query, parameters)
    for definition, word in cursor.fetchall():
        yield from_catalog(definition.replace(f"{word}{name}", f"{word}{ddl.qualified(copy)}", 1))
