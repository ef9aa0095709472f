"""The table of the records that a replay reads: the chosen rejections, numbered in file order."""

from __future__ import annotations

from dataforge.postgres import shadow
from dataforge.postgres.sql import Sql, ident


def relation(migration_id: str) -> Sql:
    """The SQL name of the table, in the schema of the run's shadows."""
    return Sql("{}._rejections").format(ident(shadow.schema_of(migration_id)))
