"""What distinguishes a table from its shadow: rows to add, to remove and to change, found by one join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Column, Table
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_COUNTS = ("restored", "added", "removed", "changed")


def difference(run: Run, table: Table) -> Sql:
    """The relation that ``find_difference`` makes: ``place`` is a row of the table, ``source`` one of the shadow.

    Both: the row is to be changed; one alone: it is to be removed, or added.
    """
    return Sql("{}.{}").format(ident(run.schema), ident("_difference_" + table.name))


def count_difference(cursor: Cursor, run: Run, table: Table) -> dict[str, int]:
    """Compare table and shadow; returns ``restored`` (rows of the shadow), ``added``, ``removed`` and ``changed``."""
    restored = _rows(cursor, run, table)
    if is_empty(cursor, table):
        return dict(zip(_COUNTS, (restored, restored, 0, 0), strict=True))
    cursor.execute(
        Sql(
            "SELECT count(*) FILTER (WHERE l.ctid IS NULL), count(*) FILTER (WHERE s.ctid IS NULL),"
            " count(*) FILTER (WHERE l.ctid IS NOT NULL AND s.ctid IS NOT NULL AND NOT ({}))"
            " FROM {}"
        ).format(_same(table), _joined(run, table))
    )
    return dict(zip(_COUNTS, (restored, *one_row(cursor)), strict=True))


def find_difference(cursor: Cursor, run: Run, table: Table) -> dict[str, int]:
    """``count_difference``, and which rows these are: their places hold for as long as nobody writes to the table."""
    restored = _rows(cursor, run, table)
    cursor.execute(Sql("DROP TABLE IF EXISTS {}").format(difference(run, table)))
    cursor.execute(
        Sql(
            "CREATE UNLOGGED TABLE {} AS SELECT l.ctid AS place, s.ctid AS source"
            " FROM {} WHERE l.ctid IS NULL OR s.ctid IS NULL OR NOT ({})"
        ).format(difference(run, table), _joined(run, table), _same(table))
    )
    cursor.execute(
        Sql(
            "SELECT count(*) FILTER (WHERE place IS NULL), count(*) FILTER (WHERE source IS NULL),"
            " count(*) FILTER (WHERE place IS NOT NULL AND source IS NOT NULL) FROM {}"
        ).format(difference(run, table))
    )
    return dict(zip(_COUNTS, (restored, *one_row(cursor)), strict=True))


def is_empty(cursor: Cursor, table: Table) -> bool:
    """Whether the table has no row."""
    cursor.execute(Sql("SELECT NOT EXISTS (SELECT FROM {})").format(ddl.qualified(table)))
    return bool(one_row(cursor)[0])


def _rows(cursor: Cursor, run: Run, table: Table) -> int:
    """The rows of the shadow, which were counted when it was settled."""
    cursor.execute(
        'SELECT rows FROM dataforge.restore_tables WHERE restore_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    return int(one_row(cursor)[0])


def _joined(run: Run, table: Table) -> Sql:
    """Each row of the table beside the one of the shadow that has its key; either may be missing."""
    key = Sql(" AND ").join(Sql("l.{} = s.{}").format(ident(c), ident(c)) for c in table.key)
    return Sql("{} l FULL JOIN {} s ON {}").format(ddl.qualified(table), run.shadow(table), key)


def _same(table: Table) -> Sql:
    """The condition that two rows of one key have the same text: what the content hash is made of."""
    left, right = (Sql(", ").join(_exact(column, alias) for column in table.columns) for alias in ("l", "s"))
    return Sql("ROW({}) IS NOT DISTINCT FROM ROW({})").format(left, right)


def _exact(column: Column, alias: str) -> Sql:
    """PostgreSQL takes 0 and -0 for equal; their texts, and their bytes, differ."""
    value = Sql("{}.{}").format(ident(alias), ident(column.name))
    return Sql("float8send({})").format(value) if column.type.name == "double" else value
