"""Settings that no session can pin, and under which rows go wrong: a superuser's, and the database's encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.roles import LOGINS
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident
from functions.schema.doctor.fault import Fault

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SAFE = {"session_replication_role": "origin", "zero_damaged_pages": "off", "ignore_checksum_failure": "off"}
"""Foreign keys and triggers act; damaged rows are an error instead of passing as none."""

_SETTINGS = """
    SELECT r.rolname, d.datname, split_part(setting, '=', 1), lower(split_part(setting, '=', 2)) FROM pg_db_role_setting s
    LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) setting
    WHERE split_part(setting, '=', 1) = ANY(%s)
      AND (s.setrole = 0 OR r.rolname = ANY(%s)) AND (s.setdatabase = 0 OR d.datname = current_database())
    ORDER BY 1, 2, 3
"""


def setting_faults(cursor: Cursor) -> Iterator[Fault]:
    """Each such setting, which a superuser takes back, and an encoding in which not every text can be stored."""
    cursor.execute("SELECT current_database(), current_setting('server_encoding')")
    database, encoding = one_row(cursor)
    if encoding != "UTF8":
        detail = f"The database is encoded in {encoding}: records with other characters are rejected."
        by_hand = "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the data there"
        yield Fault("encoding", database, detail, by_hand=by_hand)
    cursor.execute(_SETTINGS, (list(_SAFE), list(LOGINS)))
    for role, database, name, value in cursor.fetchall():
        if value in {_SAFE[name], "false", "no", "0"}:
            continue
        place = Sql(" IN DATABASE {}").format(ident(database)) if database and role else Sql("")
        what = Sql("ROLE {}{}").format(ident(role) if role else Sql("ALL"), place)
        if database and not role:
            what = Sql("DATABASE {}").format(ident(database))
        detail = f"{name} is {value}: foreign keys, triggers or damaged rows are passed over."
        yield Fault(
            "unsafe_setting",
            role or database or "all roles",
            detail,
            by_hand=Sql("ALTER {} RESET {}").format(what, from_catalog(name)),
        )
