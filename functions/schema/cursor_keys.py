"""Create and replace the keys that sign the cursors of the HTTP API.

The server generates them, so that no statement contains a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from functions.schema.doctor.finding import Finding

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


DAYS = 90
"""Age of the newest key at which the next deployment adds another."""

_TABLE = "dataforge.cursor_keys"
_RANDOM = Sql("sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))")
_CREATE = Sql("INSERT INTO dataforge.cursor_keys (ingest, deliver) VALUES ({}, {})").format(_RANDOM, _RANDOM)
_DELETE_OLD = Sql("""
    DELETE FROM dataforge.cursor_keys
    WHERE created_at < (SELECT created_at FROM dataforge.cursor_keys ORDER BY created_at DESC OFFSET 1 LIMIT 1)
""")
"""The two newest stay: cursors that the second signed are valid until the next replacement."""


def renew(cursor: Cursor) -> Iterator[str]:
    """Create a key unless the newest is recent, and yield the change."""
    cursor.execute(
        "SELECT coalesce(max(created_at) < now() - make_interval(days => %s), true) FROM dataforge.cursor_keys",
        (DAYS,),
    )
    (due,) = one_row(cursor)
    if due:
        cursor.execute(_CREATE)
        cursor.execute(_DELETE_OLD)
        yield "added a key that signs cursors"


def cursor_key_findings(cursor: Cursor) -> Iterator[Finding]:
    """A missing key, without which no list has a second page."""
    cursor.execute("SELECT to_regclass(%s)", (_TABLE,))
    (table,) = one_row(cursor)
    if table is None:
        return
    cursor.execute("SELECT count(*) FROM dataforge.cursor_keys")
    (count,) = one_row(cursor)
    if not count:
        yield Finding("no_cursor_key", _TABLE, "No key signs the cursors of the HTTP API.")
