"""Preserve the rows of a table that is changed row by row: its shadow, with the changes reverted, or a copy.

The shadow has all rows of the backup. Most of them are rows of the table too, so that only the others are written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.runs.results.restore import Figures
from dataforge.tables.catalogue import Table
from dataforge.tables.names import internal_name
from functions.restore.difference import difference
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SAME_COLUMNS = """
    SELECT count(*) = 0 FROM (SELECT * FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped) l
    FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped) s
    USING (attname, atttypid, atttypmod, attcollation, attnotnull) WHERE l.attrelid IS NULL OR s.attrelid IS NULL
"""

_DROP_CONSTRAINTS = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname) FROM pg_constraint
    WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'c', 'p', 'u', 'x') ORDER BY contype <> 'f', 1
"""


def can_revert(cursor: Cursor, run: Run, table: Table) -> bool:
    """Whether the shadow can hold every row of the table, which changes its rows exactly as a restore asks."""
    cursor.execute(_SAME_COLUMNS, (ddl.qualified(table), run.shadow(table)))
    return bool(one_row(cursor)[0]) and is_pristine(cursor, run.dataset, table)


def copy_table(cursor: Cursor, run: Run, table: Table) -> None:
    """Copy all rows of the table, with its own types."""
    cursor.execute(copy_statement(run, table))


def copy_statement(run: Run, table: Table) -> Sql:
    """The statement of ``copy_table``."""
    return _copy(run.replaced(table), table, Sql("true"))


def copy_replaced_rows(cursor: Cursor, run: Run, table: Table) -> None:
    """Copy the rows that the restore changes or removes, before it does."""
    of_difference = Sql("l.ctid IN (SELECT place FROM {})").format(difference(run, table))
    cursor.execute(_copy(_replaced_rows(run, table), table, of_difference))


def drop_constraints(cursor: Cursor, run: Run) -> None:
    """Drop the constraints of the shadows, which have them if a swap was prepared: foreign keys between them first.

    The replaced rows refer to each other, but the first shadow is reverted while the others have the rows of the backup.
    """
    cursor.execute(_DROP_CONSTRAINTS, (list(map(run.shadow, run.tables)),))
    for (statement,) in cursor.fetchall():
        cursor.execute(from_catalog(statement))


def revert_shadow(cursor: Cursor, run: Run, table: Table, figures: Figures) -> None:
    """Make the shadow the replaced table: without the rows that the restore added or changed, with those it replaced.

    It has no constraints, see ``drop_constraints``.
    """
    shadow = run.shadow(table)
    if figures.differing:
        cursor.execute(
            Sql("DELETE FROM {} s USING {} d WHERE s.ctid = d.source").format(shadow, difference(run, table))
        )
        columns = ddl.columns_sql(table)
        cursor.execute(
            Sql("INSERT INTO {} ({}) SELECT {} FROM {}").format(
                shadow, columns, columns, _replaced_rows(run, table)
            )
        )
    cursor.execute(Sql("ALTER TABLE {} SET SCHEMA {}").format(shadow, ident(run.replaced_schema)))


def _copy(target: Sql, table: Table, condition: Sql) -> Sql:
    return Sql("CREATE TABLE {} AS SELECT {} FROM {} l WHERE {}").format(
        target, ddl.columns_sql(table), ddl.qualified(table), condition
    )


def _replaced_rows(run: Run, table: Table) -> Sql:
    return Sql("{}.{}").format(ident(run.schema), ident(internal_name("replaced", table.name)))
