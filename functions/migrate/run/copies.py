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
    cursor.execute(
        Sql(
            "SELECT s.{source} >> {shift}, count(*) FROM ({shadow}) s JOIN ({stored}) l ON {same}"
            " WHERE s._copy <= l._copies GROUP BY 1"
        ).format(
            source=shadow.SOURCE,
            shift=shadow.FILE_SHIFT,
            shadow=_numbered(run, table),
            stored=_stored(run, table),
            same=same_key(table, "s", "l"),
        )
    )
    return Counter(dict(cursor.fetchall()))


def insert_missing_copies(cursor: Cursor, run: Run, table: Table) -> int:
    """Insert the copies that the table lacks. Returns their number."""
    cursor.execute(
        Sql(
            "INSERT INTO {live} ({columns}) SELECT {columns} FROM (SELECT s.* FROM ({shadow}) s LEFT JOIN ({stored}) l"
            " ON {same} WHERE s._copy > coalesce(l._copies, 0)) missing"
        ).format(
            live=ddl.qualified(table),
            columns=ddl.columns_sql(table),
            shadow=_numbered(run, table),
            stored=_stored(run, table),
            same=same_key(table, "s", "l"),
        )
    )
    return cursor.rowcount


def _numbered(run: Run, table: Table) -> Sql:
    return numbered_copies(table, run.shadow(table), Sql("r.{}").format(shadow.SOURCE))


def _stored(run: Run, table: Table) -> Sql:
    return counted_copies(table, ddl.qualified(table), run.shadow(table))
