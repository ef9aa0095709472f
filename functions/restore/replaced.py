"""Preserve the rows of a table that is changed row by row: its shadow, with the changes reverted, or a copy.

The shadow has all rows of the backup. Most of them are rows of the table too, so that only the others are written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident, literal
from dataforge.postgres.visible_rows import may_share_keys
from dataforge.tables.catalogue import Table
from dataforge.tables.names import internal_name
from functions.restore.difference import difference
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SAME_COLUMNS = Sql("""
    SELECT count(*) = 0 FROM (SELECT * FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped) l
    FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped) s
    USING (attname, atttypid, atttypmod, attcollation, attnotnull) WHERE l.attrelid IS NULL OR s.attrelid IS NULL
""")

_DROP_CONSTRAINTS = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname) FROM pg_constraint
    WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'c', 'p', 'u', 'x') ORDER BY contype <> 'f', 1
"""


def can_revert(cursor: Cursor, run: Run, table: Table) -> bool:
    """Whether the shadow can hold every row of the table, which changes its rows exactly as a restore asks."""
    cursor.execute(has_same_columns(run, table))
    if not one_row(cursor)[0] or may_share_keys(cursor, table):
        return False
    return is_pristine(cursor, run.dataset, table)


def has_same_columns(run: Run, table: Table) -> Sql:
    """The query of whether the table and its shadow have the same columns."""
    return _SAME_COLUMNS.format(literal(ddl.qualified(table)), literal(run.shadow(table)))


def copy_table(run: Run, table: Table) -> Sql:
    """The statement that copies all rows of the table, with its own types."""
    return _copy(run.replaced(table), table, Sql("true"))


def copy_replaced_rows(run: Run, table: Table) -> Sql:
    """The statement that copies the rows that the restore changes or removes, before it does."""
    of_difference = Sql("l.ctid IN (SELECT place FROM {})").format(difference(run, table))
    return _copy(_replaced_rows(run, table), table, of_difference)


def drop_constraints(cursor: Cursor, run: Run) -> list[Sql]:
    """The statements that drop the constraints of the shadows, which have them if a swap was prepared.

    Foreign keys between them first: the replaced rows refer to each other, but the first shadow is reverted while the
    others have the rows of the backup.
    """
    cursor.execute(_DROP_CONSTRAINTS, (list(map(run.shadow, run.tables)),))
    return [from_catalog(statement) for (statement,) in cursor.fetchall()]


def revert_rows(run: Run, table: Table) -> Sql:
    """The statements that give the shadow the rows of the replaced table.

    They delete the rows that the restore added or changed, and insert those of ``copy_replaced_rows``. The shadow has no
    constraints, see ``drop_constraints``.
    """
    columns, shadow = ddl.columns_sql(table), run.shadow(table)
    return Sql(
        "DELETE FROM {shadow} s USING {difference} d WHERE s.ctid = d.source;"
        " INSERT INTO {shadow} ({columns}) SELECT {columns} FROM {replaced}"
    ).format(
        shadow=shadow,
        difference=difference(run, table),
        columns=columns,
        replaced=_replaced_rows(run, table),
    )


def move_shadow(run: Run, table: Table) -> Sql:
    """The statement that makes the shadow, whose rows are reverted, the replaced table."""
    return Sql("ALTER TABLE {} SET SCHEMA {}").format(run.shadow(table), ident(run.replaced_schema))


def _copy(target: Sql, table: Table, condition: Sql) -> Sql:
    return Sql("CREATE TABLE {} AS SELECT {} FROM {} l WHERE {}").format(
        target, ddl.columns_sql(table), ddl.qualified(table), condition
    )


def _replaced_rows(run: Run, table: Table) -> Sql:
    return Sql("{}.{}").format(ident(run.schema), ident(internal_name("replaced", table.name)))
