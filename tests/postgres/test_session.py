"""Session settings are pinned, independent of the settings of the database and its roles."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import Unavailable
from dataforge.postgres import session
from dataforge.postgres.connection import connect, transaction
from dataforge.postgres.roles import INGEST
from dataforge.postgres.rows import one_row
from dataforge.postgres.session import PINNED
from tests.postgres.hostile import CONNECTIONS_OWN, HOSTILE, LEFT_ALONE

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database

PASSWORD = "for the tests"


def test_every_setting_that_a_role_can_change_is_either_pinned_or_listed_as_irrelevant(
    module_database: Database,
) -> None:
    found = module_database.query(
        "SELECT name FROM pg_settings WHERE context IN ('user', 'backend') AND strpos(name, '.') = 0"
    )
    known = {name.lower() for (name,) in found}
    decided = PINNED.keys() | LEFT_ALONE | CONNECTIONS_OWN
    assert known - decided == set()


@pytest.mark.parametrize("place", ["database", "role", "role in database"])
def test_settings_of_database_and_role_do_not_affect_a_session(database: Database, place: str) -> None:
    with closing(connect(database.settings(INGEST), PASSWORD)) as db, transaction(db) as cursor:
        before = _shown(cursor)
    where = {
        "database": f"DATABASE {database.name}",
        "role": f"ROLE {INGEST}",
        "role in database": f"ROLE {INGEST} IN DATABASE {database.name}",
    }[place]
    database.query("; ".join(f"ALTER {where} SET {name} = {value}" for name, value in HOSTILE.items()))
    try:
        with closing(connect(database.settings(INGEST), PASSWORD)) as db, transaction(db) as cursor:
            assert _shown(cursor) == before
            cursor.execute("SELECT ARRAY['ü🎉', NULL], current_user, 'a\\b', NULL = NULL")
            assert cursor.fetchone() == (["ü🎉", None], INGEST, "a\\b", None)
    finally:
        database.server.run(*(f"ALTER {where} RESET {name}" for name in HOSTILE))


def _shown(cursor: Cursor) -> dict[str, str]:
    shown = {}
    for name in PINNED:
        # NULL: the server lacks the setting.
        cursor.execute("SELECT current_setting(%s, true)", (name,))
        (shown[name],) = one_row(cursor)
    return shown


def test_server_without_a_newer_setting_is_connected(
    module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PINNED", {**PINNED, "of_a_later_version": "on"})
    settings = module_database.settings(INGEST)
    with pytest.raises(Unavailable, match="of_a_later_version"):
        connect(settings, PASSWORD)
    monkeypatch.setattr(session, "UNSUPPORTED", frozenset({"of_a_later_version"}))
    with closing(connect(settings, PASSWORD)) as db, transaction(db) as cursor:
        cursor.execute("SHOW row_security")
        assert cursor.fetchone() == ("off",)


def test_all_hostile_settings_are_pinned() -> None:
    assert HOSTILE.keys() == PINNED.keys() - {"role"}
