"""SQL of the values of references."""

from __future__ import annotations

from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey


def values_sql(key: ForeignKey, alias: str) -> Sql:
    """The values of a reference's columns, as the text of a JSON array of texts."""
    texts = Sql(", ").join(Sql("{}.{}::text").format(ident(alias), ident(name)) for name in key.columns)
    return Sql("to_json(ARRAY[{}])::text").format(texts)
