"""Supported major versions of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.errors import SchemaRefused
from functions.schema.doctor.finding import Finding

OLDEST = 16
"""Its grants have the options INHERIT and SET, and its CREATEROLE is limited to the roles that the master has created: the
roles and their privileges rely on both."""
NEWEST = 18
"""The newest version on which Data Forge is tested."""

_HINT = "upgrade the server, or deploy without existingDatabase"


def require_version(number: int) -> None:
    """Raise ``SchemaRefused`` if the server is too old. ``number``: its ``server_version_num``."""
    if number < OLDEST * 10_000:
        raise SchemaRefused(_too_old(number), hint=f"{_HINT[0].upper()}{_HINT[1:]}.")


def version_findings(number: int) -> Iterator[Finding]:
    """A finding if the server is too old, or newer than the tested versions. ``number``: its ``server_version_num``."""
    major = number // 10_000
    if major < OLDEST:
        yield Finding("server_version", f"PostgreSQL {major}", _too_old(number), hint=_HINT)
    if major > NEWEST:
        detail = (
            f"Data Forge is tested with PostgreSQL {OLDEST} to {NEWEST}; this server is PostgreSQL {major}."
        )
        hint = "see the changelog for a version of Data Forge that supports it"
        yield Finding("server_version", f"PostgreSQL {major}", detail, hint=hint)


def _too_old(number: int) -> str:
    return f"Data Forge needs PostgreSQL {OLDEST} or newer; this server is PostgreSQL {number // 10_000}."
