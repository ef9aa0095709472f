"""Read and damage tables by SQL, as the owner of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg2

from dataforge.postgres.ddl import qualified
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset, Table
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

_HASH = Sql(
    "SELECT encode(sha256(convert_to(coalesce(string_agg(h, '' ORDER BY h), ''), 'UTF8')), 'hex')"
    " FROM (SELECT md5(t::text) AS h FROM {} t) rows"
)


@contextmanager
def database(outputs: Outputs) -> Iterator[Cursor]:
    """A cursor of the superuser, in one transaction."""
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        yield cursor


def count_rows(outputs: Outputs, tables: Iterable[Table]) -> dict[str, int]:
    """The rows of each table."""
    with database(outputs) as cursor:
        return {table.name: _count(cursor, table) for table in tables}


def _count(cursor: Cursor, table: Table) -> int:
    cursor.execute(Sql("SELECT count(*) FROM {}").format(qualified(table)))
    return int(one_row(cursor)[0])


def content(outputs: Outputs, dataset: Dataset) -> dict[str, str]:
    """A hash of the rows of each table, computed by SQL that is independent of Data Forge."""
    found = {}
    with database(outputs) as cursor:
        for table in dataset.tables.values():
            cursor.execute(_HASH.format(qualified(table)))
            found[table.name] = str(one_row(cursor)[0])
    return found


def count_rejections(outputs: Outputs, migration_id: str) -> dict[str, int]:
    """The stored rejections of a migration, by table."""
    with database(outputs) as cursor:
        cursor.execute(
            'SELECT "table", count(*) FROM dataforge.rejections WHERE migration_id = %s GROUP BY 1',
            (migration_id,),
        )
        return dict(cursor.fetchall())


def damage(outputs: Outputs, table: Table) -> tuple[int, int]:
    """Delete a third of the rows, at least one, and set a column to NULL in another third. Returns both numbers.

    Without a key only rows are deleted: a changed row could equal another one. Rows of other tables lose their parents.
    """
    with database(outputs) as cursor:
        column = _with_most_values(cursor, table)
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(Sql("DELETE FROM {} WHERE {}").format(qualified(table), _third(table, 1)))
        deleted = cursor.rowcount
        if column is None:
            return deleted, 0
        update = Sql("UPDATE {0} SET {1} = NULL WHERE {1} IS NOT NULL AND {2}")
        cursor.execute(update.format(qualified(table), ident(column), _third(table, 2)))
        return deleted, cursor.rowcount


def _third(table: Table, number: int) -> Sql:
    rows = Sql("SELECT ctid, row_number() OVER (ORDER BY ctid) AS n FROM {}").format(qualified(table))
    return Sql("ctid IN (SELECT ctid FROM ({}) numbered WHERE n % 3 = {})").format(rows, number)


def clearable(table: Table) -> list[str]:
    """The columns that can be NULL and take part in no key; empty for a table without a key."""
    used = {*table.key, *(c for unique in table.uniques for c in unique.columns)}
    return [c.name for c in table.columns if c.nullable and c.name not in used] if table.key else []


def _with_most_values(cursor: Cursor, table: Table) -> str | None:
    """The clearable column with the most values."""
    columns = clearable(table)
    if not columns:
        return None
    counts = Sql(", ").join(Sql("count({})").format(ident(name)) for name in columns)
    cursor.execute(Sql("SELECT {} FROM {}").format(counts, qualified(table)))
    return max(zip(one_row(cursor), columns, strict=True))[1]


def delete_row(outputs: Outputs, table: Table, key: Mapping[str, object]) -> int:
    """Delete the row of a key. Returns the number of deleted rows. Raises psycopg2's errors for a row with children."""
    equal = [Sql("{} = %s::{}").format(ident(name), table.by_name[name].type.catalog) for name in key]
    with database(outputs) as cursor:
        statement = Sql("DELETE FROM {} WHERE {}").format(qualified(table), Sql(" AND ").join(equal))
        cursor.execute(statement, list(map(str, key.values())))
        return cursor.rowcount
