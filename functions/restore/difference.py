"""Differences between a table and its shadow, found by one join: rows to add, to remove and to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.row_identity import same_key
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.runs.results.restore import Figures
from dataforge.tables.catalogue import Column, Table
from dataforge.tables.names import internal_name
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


SWAP_SHARE = 5
"""One differing row in this many justifies a new table."""


def difference(run: Run, table: Table) -> Sql:
    """The relation that ``find_difference`` creates: ``place`` is a row of the table, ``source`` a row of the shadow.

    With both, the row changes; without ``source``, it is removed; without ``place``, it is added.
    """
    return Sql("{}.{}").format(ident(run.schema), ident(internal_name("difference", table.name)))


def count_difference(cursor: Cursor, run: Run, table: Table) -> Figures:
    """Compare table and shadow."""
    restored = rows_of(cursor, run, table)
    if is_empty(cursor, table):
        return Figures(restored=restored, added=restored, removed=0, changed=0)
    cursor.execute(count_joined(run, table, restored))
    return _figures(cursor, restored)


def find_difference(cursor: Cursor, run: Run, table: Table) -> Figures:
    """``count_difference``, and create ``difference``. Its row identifiers are valid while the table is not written to."""
    restored = rows_of(cursor, run, table)
    cursor.execute(create_difference(run, table))
    cursor.execute(count_created(run, table))
    return _figures(cursor, restored)


def _figures(cursor: Cursor, restored: int) -> Figures:
    added, removed, changed = one_row(cursor)
    return Figures(restored=restored, added=added, removed=removed, changed=changed)


def count_joined(run: Run, table: Table, restored: int) -> Sql:
    """The query of the numbers of rows to add, to remove and to change. ``restored``: the number of rows of the shadow.

    An inner join, because a full join takes half as long again if few rows are equal. If rows have the same key, which the
    keys of the shadow refuse later, or the table has lost its key, the numbers are too small, but not negative.
    """
    return Sql(
        "SELECT greatest({restored} - common, 0) AS added, greatest(live - common, 0) AS removed, changed"
        " FROM (SELECT count(*) AS common, count(*) FILTER (WHERE NOT ({same})) AS changed FROM {joined}) joined,"
        " (SELECT count(*) AS live FROM {live}) counted"
    ).format(
        restored=restored,
        same=same(table),
        joined=_joined(run, table, Sql("JOIN")),
        live=ddl.qualified(table),
    )


def create_difference(run: Run, table: Table) -> Sql:
    """The statements that create ``difference``."""
    return Sql("DROP TABLE IF EXISTS {difference}; CREATE UNLOGGED TABLE {difference} AS {rows}").format(
        difference=difference(run, table), rows=differing_rows(run, table)
    )


def differing_rows(run: Run, table: Table) -> Sql:
    """The query of the rows of ``difference``."""
    return Sql(
        "SELECT l.ctid AS place, s.ctid AS source FROM {} WHERE l.ctid IS NULL OR s.ctid IS NULL OR NOT ({})"
    ).format(_joined(run, table, Sql("FULL JOIN")), same(table))


def count_created(run: Run, table: Table) -> Sql:
    """The query of the same numbers, from ``difference``."""
    return Sql(
        "SELECT count(*) FILTER (WHERE place IS NULL) AS added, count(*) FILTER (WHERE source IS NULL) AS removed,"
        " count(*) FILTER (WHERE place IS NOT NULL AND source IS NOT NULL) AS changed FROM {}"
    ).format(difference(run, table))


def count_copies(run: Run, table: Table) -> Sql:
    """The query of the number of rows that the table has beyond those of its shadow.

    If no row differs, each of them repeats the key of another: the table has lost its key.
    """
    return Sql("SELECT greatest((SELECT count(*) FROM {}) - (SELECT count(*) FROM {}), 0) AS copies").format(
        ddl.qualified(table), run.shadow(table)
    )


def is_empty(cursor: Cursor, table: Table) -> bool:
    """Whether the table has no row."""
    cursor.execute(Sql("SELECT NOT EXISTS (SELECT FROM {})").format(ddl.qualified(table)))
    return bool(one_row(cursor)[0])


def rows_of(cursor: Cursor, run: Run, table: Table) -> int:
    """The number of rows of the shadow, from the manifest."""
    cursor.execute(
        'SELECT rows FROM dataforge.restore_tables WHERE restore_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    return int(one_row(cursor)[0])


def _joined(run: Run, table: Table, how: Sql) -> Sql:
    """The join of the table and its shadow by the table's key. Copies in a multiset are numbered."""
    live, restored = ddl.qualified(table), run.shadow(table)
    if table.is_multiset:
        return Sql("{} l {} {} s ON l.row_text = s.row_text AND l.number = s.number").format(
            _numbered(table, live), how, _numbered(table, restored)
        )
    return Sql("{} l {} {} s ON {}").format(live, how, restored, same_key(table, "l", "s"))


def _numbered(table: Table, relation: Sql) -> Sql:
    """The rows of a relation by their texts, from which the content hash is computed, with the number of each copy."""
    return Sql(
        "(SELECT ctid, row_text, row_number() OVER (PARTITION BY row_text) AS number"
        ' FROM (SELECT ctid, {} COLLATE "C" AS row_text FROM {}) texts)'
    ).format(ddl.row_text_sql(table), relation)


def same(table: Table) -> Sql:
    """The condition that two rows with the same key have the same text, from which the content hash is computed."""
    if table.is_multiset:
        return Sql("true")
    left, right = (Sql(", ").join(_exact(column, alias) for column in table.columns) for alias in ("l", "s"))
    return Sql("ROW({}) IS NOT DISTINCT FROM ROW({})").format(left, right)


def _exact(column: Column, alias: str) -> Sql:
    """A value that compares as its text: PostgreSQL's ``=`` treats 0 and -0 as equal, but their texts and bytes differ."""
    value = Sql("{}.{}").format(ident(alias), ident(column.name))
    return column.type.identity(value)


def record_figures(cursor: Cursor, run: Run, table: Table, figures: Figures) -> None:
    """Record in the ledger what the restore changes, or has changed, in the table."""
    cursor.execute(
        'UPDATE dataforge.restore_tables SET figures = %s WHERE restore_id = %s AND "table" = %s',
        (figures.model_dump_json(), run.id, table.name),
    )


def read_figures(cursor: Cursor, run: Run) -> dict[str, Figures]:
    """The recorded figures by table, in the order of the run's tables."""
    cursor.execute('SELECT "table", figures FROM dataforge.restore_tables WHERE restore_id = %s', (run.id,))
    found = dict(cursor.fetchall())
    return {table.name: Figures.model_validate(found[table.name]) for table in run.tables}


def tables_losing_values(figures: Mapping[str, Figures]) -> list[str]:
    """The tables that lose a value to which rows of other tables may refer."""
    return [name for name, counts in figures.items() if counts.removed or counts.changed]
