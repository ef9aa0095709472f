"""Recognize queries that PostgreSQL refuses because of row security (sessions set ``row_security = off``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


SOURCE = "check_enable_rls"
"""PostgreSQL's function that raises the error. Its SQLSTATE is that of any missing privilege."""
_SECURED = """
    SELECT n.nspname || '.' || c.relname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relrowsecurity ORDER BY 1
"""


def is_refused(error: BaseException) -> bool:
    """Whether row security caused the error."""
    return isinstance(error, psycopg2.Error) and error.diag.source_function == SOURCE


def tables(db: Connection, error: BaseException) -> list[str]:
    """The tables that may have caused it: PostgreSQL names one without its schema. ``db`` is not in a transaction."""
    with db.cursor() as cursor:
        cursor.execute(_SECURED)
        found = cursor.fetchall()
    db.rollback()
    text = str(error)
    return [name for name, table in found if table in text] or [name for name, _ in found]
