"""Find in a dry run what an owner's triggers and rules would refuse, on a copy of each table that has some.

The copy has the name, rows, constraints, triggers and rules of the table, in another schema, and the statements of the
restore change it. Everything is rolled back, also what triggers write to other tables. Numbers that they take from sequences
are not returned, and what they do outside the database is done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors

from dataforge.errors import TargetRejectsRows
from dataforge.postgres import ddl, shadow
from dataforge.postgres.owner_rules import is_taken, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.rows import one_row
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.tables.catalogue import Table
from functions.restore.difference import find_difference
from functions.restore.merge import change_alone
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


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

    Refusals by functions that the restore may not use for another table are not found.
    """
    copy = replace(table, dataset=shadow.schema_of(run.id + "_trial"))
    cursor.execute("SAVEPOINT trial")
    try:
        shadow.create_schema(cursor, copy.dataset)
        _fill(cursor, table, copy)
        with attempt(cursor, psycopg2.errors.InsufficientPrivilege) as failed:
            _copy_all(cursor, table, copy, _CODE, {"table": ddl.qualified(table)})
        if not failed:
            _change(cursor, run, copy)
    except psycopg2.Error as error:
        if refusal(error) is None and not isinstance(error, psycopg2.errors.InsufficientPrivilege):
            raise
        if refusal(error) is not None:
            reason = describe(error).replace(f"{copy.dataset}.", f"{table.dataset}.")
            raise TargetRejectsRows(f"{reason}. Nothing was restored.") from None
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT trial")
        cursor.execute("RELEASE SAVEPOINT trial")


def _fill(cursor: Cursor, table: Table, copy: Table) -> None:
    live, name, columns = ddl.qualified(table), ddl.qualified(copy), ddl.columns_sql(table)
    cursor.execute(
        Sql(
            "CREATE UNLOGGED TABLE {} (LIKE {} INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES)"
        ).format(name, live)
    )
    cursor.execute(Sql("INSERT INTO {} ({}) SELECT {} FROM {}").format(name, columns, columns, live))
    cursor.execute(_CONSTRAINTS, (live,))
    for (addition,) in cursor.fetchall():
        cursor.execute(Sql("ALTER TABLE {} {}").format(name, from_catalog(addition)))
    _copy_all(cursor, table, copy, _INDEXES, (live,))


def _copy_all(
    cursor: Cursor, table: Table, copy: Table, query: str, parameters: tuple[str] | dict[str, Sql]
) -> None:
    """Execute the definitions that the query finds, for the copy."""
    cursor.execute(_NAME, (ddl.qualified(table),))
    (name,) = one_row(cursor)
    cursor.execute(query, parameters)
    for definition, word in cursor.fetchall():
        cursor.execute(from_catalog(definition.replace(f"{word}{name}", f"{word}{ddl.qualified(copy)}", 1)))


def _change(cursor: Cursor, run: Run, copy: Table) -> None:
    """Change the rows as a merge does, which drops declared unique constraints if rows swap their values."""
    figures = find_difference(cursor, run, copy)
    with attempt(cursor, psycopg2.errors.UniqueViolation) as failed:
        change_alone(cursor, run, copy, figures)
    if failed:
        if not is_taken(copy, failed[0]):
            raise failed[0]
        for unique in copy.uniques:
            cursor.execute(
                Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(ddl.qualified(copy), ident(unique.name))
            )
        change_alone(cursor, run, copy, figures)
