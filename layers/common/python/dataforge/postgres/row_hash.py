"""The hash of a row in the SQL of a server: in a scan, a sixth faster from PostgreSQL 18 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_CASTS_BYTES = 180_000
"""The first version that casts bytea to bigint."""


def row_hash_of(cursor: Cursor, table: Table, alias: str = "") -> Sql:
    """``ddl.row_hash_sql`` for the cursor's server."""
    return ddl.row_hash_sql(table, alias, casts_bytes=cursor.connection.info.server_version >= _CASTS_BYTES)
