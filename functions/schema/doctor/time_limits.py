"""Findings about the time limits of logins that are not set. A limit that an administrator has set stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, from_catalog, ident, literal
from dataforge.postgres.time_limits import TIME_LIMITS, TimeLimits
from functions.schema.doctor.finding import Finding

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SET = """
    SELECT r.rolname, split_part(setting, '=', 1) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole,
           unnest(s.setconfig) setting
    WHERE r.rolname = ANY(%s) AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_KNOWN = "SELECT name FROM pg_settings WHERE name = ANY(%s)"
"""``transaction_timeout`` was added in PostgreSQL 17."""


def time_limit_findings(cursor: Cursor, roles: set[str]) -> Iterator[Finding]:
    """The limits that the existing ``roles`` lack."""
    cursor.execute(_KNOWN, (list(TimeLimits._fields),))
    names = sorted(name for (name,) in cursor.fetchall())
    cursor.execute(_SET, (list(TIME_LIMITS),))
    have = set(cursor.fetchall())
    for role, limits in TIME_LIMITS.items():
        missing = [name for name in names if (role, name) not in have] if role in roles else []
        if missing:
            yield Finding(
                "missing_time_limit",
                role,
                f"{role} has no {', '.join(missing)}.",
                tuple(_set(role, name, getattr(limits, name)) for name in missing),
            )


def _set(role: str, name: str, seconds: int) -> Sql:
    value = literal(f"{seconds}s")
    return Sql("ALTER ROLE {} SET {} = {}").format(ident(role), from_catalog(name), value)
