"""SQL conditions that compare two rows of a table."""

from __future__ import annotations

from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey, Table


def same_key(table: Table, a: str, b: str) -> Sql:
    """The SQL condition that the rows of the aliases ``a`` and ``b`` have the same key."""
    equal = Sql("{a}.{name} = {b}.{name}")
    return Sql(" AND ").join(equal.format(a=ident(a), b=ident(b), name=ident(c)) for c in table.key)


def same_row(table: Table, a: str, b: str) -> Sql:
    """The SQL condition that the rows of the aliases ``a`` and ``b`` are identical; NULL equals NULL."""
    left, right = (columns_of(alias, table.column_names) for alias in (a, b))
    return Sql("ROW({}) IS NOT DISTINCT FROM ROW({})").format(left, right)


def columns_of(alias: str, names: tuple[str, ...]) -> Sql:
    """The columns of an alias, separated by commas."""
    return Sql(", ").join(Sql("{}.{}").format(ident(alias), ident(name)) for name in names)


def values_sql(key: ForeignKey, alias: str) -> Sql:
    """The values of a reference's columns, as the text of a JSON array of texts."""
    texts = Sql(", ").join(Sql("{}.{}::text").format(ident(alias), ident(name)) for name in key.columns)
    return Sql("to_json(ARRAY[{}])::text").format(texts)
