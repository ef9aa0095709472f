"""Findings about settings of a superuser, and an encoding, with which rows are damaged or rejected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.roles import LOGINS
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident
from functions.schema.doctor.finding import Finding

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SAFE = {"session_replication_role": "origin", "zero_damaged_pages": "off", "ignore_checksum_failure": "off"}
"""With these values foreign keys and triggers are enforced, and damaged pages raise an error."""

_SETTINGS = """
    SELECT r.rolname, d.datname, split_part(setting, '=', 1), lower(split_part(setting, '=', 2)) FROM pg_db_role_setting s
    LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) setting
    WHERE split_part(setting, '=', 1) = ANY(%s)
      AND (s.setrole = 0 OR r.rolname = ANY(%s)) AND (s.setdatabase = 0 OR d.datname = current_database())
    ORDER BY 1, 2, 3
"""


def setting_findings(cursor: Cursor) -> Iterator[Finding]:
    """Each unsafe setting, which only a superuser can reset, and an encoding that cannot store every text."""
    cursor.execute("SELECT current_database(), current_setting('server_encoding')")
    database, encoding = one_row(cursor)
    if encoding != "UTF8":
        detail = f"The database is encoded in {encoding}: records with other characters are rejected."
        hint = "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the data there"
        yield Finding("encoding", database, detail, hint=hint)
    cursor.execute(_SETTINGS, (list(_SAFE), list(LOGINS)))
    for role, database, name, value in cursor.fetchall():
        if value in {_SAFE[name], "false", "no", "0"}:
            continue
        place = Sql(" IN DATABASE {}").format(ident(database)) if database and role else Sql("")
        what = Sql("ROLE {}{}").format(ident(role) if role else Sql("ALL"), place)
        if database and not role:
            what = Sql("DATABASE {}").format(ident(database))
        detail = f"{name} is {value}: foreign keys, triggers or damaged rows are ignored."
        yield Finding(
            "unsafe_setting",
            role or database or "all roles",
            detail,
            hint=Sql("ALTER {} RESET {}").format(what, from_catalog(name)),
        )
