"""What distinguishes a table from its shadow: rows to add, to remove and to change, found by one join."""

from __future__ import annotations

from typing import Any

from dataforge import ddl
from dataforge.catalogue import Column, Table
from functions.restore.run import Run


def difference(run: Run, table: Table) -> str:
    """The relation that ``find_difference`` makes: ``place`` is a row of the table, ``source`` one of the shadow.

    Both: the row is to be changed; one alone: it is to be removed, or added.
    """
    return f"{ddl.ident(run.schema)}.{ddl.ident('_difference_' + table.name)}"


def find_difference(cursor: Any, run: Run, table: Table) -> dict[str, int]:
    """Compare table and shadow; returns ``restored`` (rows of the shadow), ``added``, ``removed`` and ``changed``.

    Rows are told by their places in the two relations: they hold for as long as nobody writes to the table.
    """
    drop_difference(cursor, run, table)
    key = " AND ".join(f"l.{ddl.ident(c)} = s.{ddl.ident(c)}" for c in table.key)
    cursor.execute(
        f"CREATE UNLOGGED TABLE {difference(run, table)} AS SELECT l.ctid AS place, s.ctid AS source"
        f" FROM {ddl.qualified(table)} l FULL JOIN {run.shadow(table)} s ON {key}"
        f" WHERE l.ctid IS NULL OR s.ctid IS NULL OR NOT ({_same(table)})"
    )
    cursor.execute(
        'SELECT (SELECT rows FROM dataforge.restore_tables WHERE restore_id = %s AND "table" = %s),'
        " count(*) FILTER (WHERE place IS NULL), count(*) FILTER (WHERE source IS NULL),"
        f" count(*) FILTER (WHERE place IS NOT NULL AND source IS NOT NULL) FROM {difference(run, table)}",
        (run.id, table.name),
    )
    return dict(zip(("restored", "added", "removed", "changed"), cursor.fetchone(), strict=True))


def drop_difference(cursor: Any, run: Run, table: Table) -> None:
    """Forget what was compared."""
    cursor.execute(f"DROP TABLE IF EXISTS {difference(run, table)}")


def _same(table: Table) -> str:
    """The condition that two rows of one key have the same text: what the content hash is made of."""
    left, right = (", ".join(_exact(column, alias) for column in table.columns) for alias in ("l", "s"))
    return f"ROW({left}) IS NOT DISTINCT FROM ROW({right})"


def _exact(column: Column, alias: str) -> str:
    """PostgreSQL takes 0 and -0 for equal; their texts, and their bytes, differ."""
    value = f"{alias}.{ddl.ident(column.name)}"
    return f"float8send({value})" if column.type.name == "double" else value
