"""SQL conditions of references between tables."""

from __future__ import annotations

from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey


def has_values(key: ForeignKey, child: str) -> Sql:
    """The condition that a row references a parent: none of its columns is NULL."""
    return Sql(" AND ").join(Sql("{}.{} IS NOT NULL").format(ident(child), ident(c)) for c in key.columns)


def is_parent(key: ForeignKey, parent: str, child: str) -> Sql:
    """The condition that the row of the alias ``parent`` is the one that the row of ``child`` references."""
    return Sql(" AND ").join(
        Sql("{}.{} = {}.{}").format(ident(parent), ident(of_parent), ident(child), ident(own))
        for own, of_parent in zip(key.columns, key.parent_columns, strict=True)
    )
