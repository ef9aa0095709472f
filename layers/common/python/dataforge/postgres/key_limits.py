"""The limits of API keys in the ledger, for functions with a database. The report bucket has a copy for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.key_limits import KeyLimits, parse_limits
from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_FIND = Sql("SELECT limits::text FROM dataforge.key_limits WHERE key_id = %s")


def find_limits(cursor: Cursor, key_id: str) -> KeyLimits | None:
    """The limits of the key, or None if none are stored. Raises ``WrongKey`` if they cannot be read."""
    cursor.execute(_FIND, (key_id,))
    row = cursor.fetchone()
    return parse_limits(row[0]) if row else None
