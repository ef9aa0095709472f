"""What distinguishes a table from its shadow: rows to add, to remove and to change, found by one join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.tables.catalogue import Column, Table
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_COUNTS = ("restored", "added", "removed", "changed")


def difference(run: Run, table: Table) -> str:
    """The relation that ``find_difference`` makes: ``place`` is a row of the table, ``source`` one of the shadow.

    Both: the row is to be changed; one alone: it is to be removed, or added.
    """
    return f"{ddl.ident(run.schema)}.{ddl.ident('_difference_' + table.name)}"


def count_difference(cursor: Cursor, run: Run, table: Table) -> dict[str, int]:
    """Compare table and shadow; returns ``restored`` (rows of the shadow), ``added``, ``removed`` and ``changed``."""
    restored = _rows(cursor, run, table)
    if is_empty(cursor, table):
        return dict(zip(_COUNTS, (restored, restored, 0, 0), strict=True))
    cursor.execute(
        "SELECT count(*) FILTER (WHERE l.ctid IS NULL), count(*) FILTER (WHERE s.ctid IS NULL),"
        f" count(*) FILTER (WHERE l.ctid IS NOT NULL AND s.ctid IS NOT NULL AND NOT ({_same(table)}))"
        f" FROM {_joined(run, table)}"
    )
    return dict(zip(_COUNTS, (restored, *one_row(cursor)), strict=True))


def find_difference(cursor: Cursor, run: Run, table: Table) -> dict[str, int]:
    """``count_difference``, and which rows these are: their places hold for as long as nobody writes to the table."""
    restored = _rows(cursor, run, table)
    cursor.execute(f"DROP TABLE IF EXISTS {difference(run, table)}")
    cursor.execute(
        f"CREATE UNLOGGED TABLE {difference(run, table)} AS SELECT l.ctid AS place, s.ctid AS source"
        f" FROM {_joined(run, table)} WHERE l.ctid IS NULL OR s.ctid IS NULL OR NOT ({_same(table)})"
    )
    cursor.execute(
        "SELECT count(*) FILTER (WHERE place IS NULL), count(*) FILTER (WHERE source IS NULL),"
        f" count(*) FILTER (WHERE place IS NOT NULL AND source IS NOT NULL) FROM {difference(run, table)}"
    )
    return dict(zip(_COUNTS, (restored, *one_row(cursor)), strict=True))


def is_empty(cursor: Cursor, table: Table) -> bool:
    """Whether the table has no row."""
    cursor.execute(f"SELECT NOT EXISTS (SELECT FROM {ddl.qualified(table)})")
    return bool(one_row(cursor)[0])


def _rows(cursor: Cursor, run: Run, table: Table) -> int:
    """The rows of the shadow, which were counted when it was settled."""
    cursor.execute(
        'SELECT rows FROM dataforge.restore_tables WHERE restore_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    return int(one_row(cursor)[0])


def _joined(run: Run, table: Table) -> str:
    """Each row of the table beside the one of the shadow that has its key; either may be missing."""
    key = " AND ".join(f"l.{ddl.ident(c)} = s.{ddl.ident(c)}" for c in table.key)
    return f"{ddl.qualified(table)} l FULL JOIN {run.shadow(table)} s ON {key}"


def _same(table: Table) -> str:
    """The condition that two rows of one key have the same text: what the content hash is made of."""
    left, right = (", ".join(_exact(column, alias) for column in table.columns) for alias in ("l", "s"))
    return f"ROW({left}) IS NOT DISTINCT FROM ROW({right})"


def _exact(column: Column, alias: str) -> str:
    """PostgreSQL takes 0 and -0 for equal; their texts, and their bytes, differ."""
    value = f"{alias}.{ddl.ident(column.name)}"
    return f"float8send({value})" if column.type.name == "double" else value
