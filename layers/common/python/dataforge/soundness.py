"""Whether the rows of a table are exactly those that a query of it returns, to every role."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataforge import ddl
from dataforge.catalogue import Dataset, Table
from dataforge.errors import RowSecurity, TableChanged

_TABLES = """
    SELECT n.nspname || '.' || c.relname, c.relrowsecurity,
           ARRAY(SELECT m.nspname || '.' || r.relname FROM pg_inherits JOIN pg_class r ON r.oid = inhrelid
                 JOIN pg_namespace m ON m.oid = r.relnamespace WHERE inhparent = c.oid AND c.relkind = 'r' ORDER BY 1)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) name) ORDER BY 1
"""


def require_sound(cursor: Any, tables: Iterable[Table]) -> None:
    """Refuse tables whose rows the database may hide, or to which a query adds the rows of others.

    Row security is refused even where it hides nothing from the present role: another role of the same run may be subject
    to it. Raises ``RowSecurity``, ``TableChanged``.
    """
    cursor.execute(_TABLES, ([ddl.qualified(table) for table in tables],))
    found = cursor.fetchall()
    if secured := [name for name, is_secured, _ in found if is_secured]:
        raise RowSecurity(secured)
    for name, _, children in found:
        if children:
            raise TableChanged(
                name,
                [
                    f"it has child tables ({', '.join(children)}), whose rows it shows as its own."
                    " Hint: ALTER TABLE … NO INHERIT"
                ],
            )


def with_relatives(dataset: Dataset, tables: Iterable[Table]) -> list[Table]:
    """The tables, those that they refer to, and those that refer to them."""
    names: dict[str, None] = {}
    for table in tables:
        relatives = [key.parent for key in table.foreign_keys]
        relatives += [child.name for child, _ in dataset.children(table.name)]
        names |= dict.fromkeys([table.name, *relatives])
    return [dataset.table(name) for name in names]
