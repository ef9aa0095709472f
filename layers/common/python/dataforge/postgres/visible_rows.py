"""Refuse tables whose queries do not return exactly their own rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import RowSecurity, TableChanged
from dataforge.postgres import ddl
from dataforge.postgres.roles import RUN_OF, table_grants
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Dataset, Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


CHILDREN = Sql("""
    ARRAY(SELECT m.nspname || '.' || r.relname FROM pg_inherits JOIN pg_class r ON r.oid = inhrelid
          JOIN pg_namespace m ON m.oid = r.relnamespace WHERE inhparent = c.oid AND c.relkind = 'r' ORDER BY 1)
""")
"""SQL expression of the child tables of ``pg_class c``, without partitions."""

_TABLES = Sql("""
    SELECT n.nspname || '.' || c.relname, c.relrowsecurity, {}
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) name) ORDER BY 1
""").format(CHILDREN)

_OWNERS = ["DELETE", "INSERT", "SELECT", "UPDATE"]
_KIND = """
    SELECT (SELECT relkind::text FROM pg_class WHERE oid = r.oid),
           ARRAY(SELECT p FROM unnest(%s::text[]) p WHERE NOT has_table_privilege(r.oid, p))
    FROM (SELECT to_regclass(%s)) r(oid)
"""
_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
_KEY = """
    SELECT count(*) FROM pg_index
    WHERE indrelid = to_regclass(%s) AND indisunique AND (indimmediate OR %s) AND indisvalid AND indpred IS NULL
    AND ARRAY(SELECT attname::text COLLATE "C" FROM pg_attribute
              WHERE attrelid = indrelid AND attnum = ANY (indkey[:indnkeyatts - 1]) ORDER BY 1) = %s
"""

_ROW_INDEX = """
    SELECT FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    WHERE indrelid = to_regclass(%s) AND relname = %s AND indisunique AND indisvalid
"""


def require_sound(cursor: Cursor, tables: Iterable[Table]) -> None:
    """Refuse tables whose rows may be hidden, or whose queries return rows of other tables.

    Row security is refused even if it hides no rows from the current role, because it may from another
    role of the run. Raises ``RowSecurity``, ``TableChanged``.
    """
    cursor.execute(_TABLES, ([ddl.qualified(table) for table in tables],))
    found = cursor.fetchall()
    if secured := [name for name, is_secured, _ in found if is_secured]:
        raise RowSecurity(secured)
    for name, _, children in found:
        if children:
            raise TableChanged(
                name,
                [f"it has child tables ({', '.join(children)}), and queries of it return their rows"],
                "Detach them by ALTER TABLE … NO INHERIT.",
            )


def require_declared(cursor: Cursor, tables: Iterable[Table]) -> None:
    """Refuse relations that are not tables, lack a declared column or its type, or lack privileges for this login.

    Undeclared columns are accepted. Raises ``TableChanged`` for the first of them.
    """
    needed = _needed(cursor)
    for table in tables:
        cursor.execute(_KIND, (needed, ddl.qualified(table)))
        kind, lacking = one_row(cursor)
        if kind in ("r", "p"):
            differences = column_differences(cursor, ddl.qualified(table), table)
        else:
            differences = ["it is not a table" if kind else "it does not exist"]
        if lacking and not differences:
            differences.append(f"Data Forge may not use it (missing: {', '.join(lacking).lower()})")
        if differences:
            raise TableChanged(f"{table.dataset}.{table.name}", differences)


def require_key(cursor: Cursor, tables: Iterable[Table]) -> None:
    """Refuse tables without an immediate unique index on the key. Raises ``TableChanged`` for the first of them."""
    for table in tables:
        if not table.key:
            _require_row_index(cursor, table)
        elif not _has_unique_index(cursor, table, deferrable=False):
            name, key = f"{table.dataset}.{table.name}", ", ".join(table.key)
            raise TableChanged(name, [f"its key ({key}) is missing or deferrable"])


def may_share_keys(cursor: Cursor, table: Table) -> bool:
    """Whether rows may have the same key, because the table has lost it."""
    return bool(table.key) and not _has_unique_index(cursor, table, deferrable=True)


def _has_unique_index(cursor: Cursor, table: Table, *, deferrable: bool) -> bool:
    """Whether an index makes the key unique. ``deferrable``: also one that is checked at the end of a transaction."""
    cursor.execute(_KEY, (ddl.qualified(table), deferrable, sorted(table.key)))
    return cursor.fetchone() != (0,)


def _require_row_index(cursor: Cursor, table: Table) -> None:
    """A distinct table without a primary key needs its unique index on whole rows."""
    if table.is_multiset:
        return
    for name, _ in ddl.row_index(table):
        cursor.execute(_ROW_INDEX, (ddl.qualified(table), name))
        if cursor.fetchone() is None:
            raise TableChanged(f"{table.dataset}.{table.name}", [f"its unique index {name} is missing"])


def require_changeable(cursor: Cursor, dataset: Dataset, tables: Iterable[Table]) -> None:
    """Refuse tables for which a run could not publish its result. Raises ``RowSecurity``, ``TableChanged``."""
    chosen = list(tables)
    require_declared(cursor, chosen)
    require_sound(cursor, with_relatives(dataset, chosen))


def column_differences(cursor: Cursor, relation: str, table: Table) -> list[str]:
    """The columns that ``relation`` lacks, or has with another type than ``table`` declares."""
    cursor.execute(_COLUMNS, (relation,))
    have = dict(cursor.fetchall())
    return [
        f"column {column.name} is {have.get(column.name, 'missing')}, not {column.type.catalog}"
        for column in table.columns
        if have.get(column.name) != column.type.catalog
    ]


def _needed(cursor: Cursor) -> list[str]:
    """The declared privileges of the session's login, or of the role that it assumes; an owner's if it has none."""
    user = cursor.connection.info.user
    acting = {user, RUN_OF.get(user, user)}
    return sorted(privilege for role, privilege in table_grants() if role in acting) or _OWNERS


def with_relatives(dataset: Dataset, tables: Iterable[Table]) -> list[Table]:
    """The tables with their parents and children."""
    names: dict[str, None] = {}
    for table in tables:
        relatives = [key.parent for key in table.foreign_keys]
        relatives += [child.name for child, _ in dataset.children(table.name)]
        names |= dict.fromkeys([table.name, *relatives])
    return [dataset.table(name) for name in names]
