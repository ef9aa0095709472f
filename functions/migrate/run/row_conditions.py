"""SQL of the values of references."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey


def same_values(columns: Iterable[str], a: str, b: str) -> Sql:
    """The SQL condition that the rows of the aliases ``a`` and ``b`` have the same values in these columns, none NULL."""
    equal = Sql("{a}.{name} = {b}.{name}")
    return Sql(" AND ").join(equal.format(a=ident(a), b=ident(b), name=ident(c)) for c in columns)


def values_sql(key: ForeignKey, alias: str) -> Sql:
    """The values of a reference's columns, as the text of a JSON array of texts."""
    texts = Sql(", ").join(Sql("{}.{}::text").format(ident(alias), ident(name)) for name in key.columns)
    return Sql("to_json(ARRAY[{}])::text").format(texts)
