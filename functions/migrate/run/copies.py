"""Compare the copies of rows of a multiset: of n copies in a run and m in the table, min(n, m) are stored already."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.row_identity import counted_copies, numbered_copies, same_key
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def stored_copies(cursor: Cursor, run: Run, table: Table) -> Counter[int]:
    """The number of the shadow's rows that the table has already, by file. The first in file order count."""
    file = Sql("s.{} >> {}").format(shadow.SOURCE, shadow.FILE_SHIFT)
    cursor.execute(Sql("SELECT {}, count(*) {} GROUP BY 1").format(file, _stored_already(run, table)))
    return Counter(dict(cursor.fetchall()))


def count_stored_copies(run: Run, table: Table) -> Sql:
    """The query of the number of the shadow's rows that the table has."""
    return Sql("SELECT count(*) {}").format(_stored_already(run, table))


def _stored_already(run: Run, table: Table) -> Sql:
    return Sql("FROM ({}) s JOIN ({}) l ON {} WHERE s._copy <= l._copies").format(
        _numbered(run, table), _stored(run, table), same_key(table, "s", "l")
    )


def insert_missing_copies(run: Run, table: Table) -> Sql:
    """The statement that inserts the copies that the table lacks."""
    return Sql(
        "INSERT INTO {live} ({columns}) SELECT {columns} FROM (SELECT s.* FROM ({shadow}) s LEFT JOIN ({stored}) l"
        " ON {same} WHERE s._copy > coalesce(l._copies, 0)) missing"
    ).format(
        live=ddl.qualified(table),
        columns=ddl.columns_sql(table),
        shadow=_numbered(run, table),
        stored=_stored(run, table),
        same=same_key(table, "s", "l"),
    )


def _numbered(run: Run, table: Table) -> Sql:
    return numbered_copies(table, run.shadow(table), Sql("r.{}").format(shadow.SOURCE))


def _stored(run: Run, table: Table) -> Sql:
    return counted_copies(table, ddl.qualified(table), run.shadow(table))
