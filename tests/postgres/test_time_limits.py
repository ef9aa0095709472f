"""The time limits of every login are those of the documentation."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.postgres.connection import connect, transaction
from dataforge.postgres.roles import DELIVER, FUNCTIONS, INGEST
from dataforge.postgres.rows import one_row
from dataforge.settings import DatabaseSettings, HttpSettings

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

PASSWORD = "for the tests"
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
ROW = re.compile(r"\| `(dataforge_\w+)` \| [^|]+" + r"\| (\d+) " * len(LIMITS) + r"\|")
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
DOCUMENTED = {
    row[1]: tuple(map(int, row.groups()[1:])) for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))
}


def settings_of(database: Database, role: str, **limits: int) -> DatabaseSettings:
    """The settings of the function that signs in as this role."""
    model = HttpSettings if role in {INGEST, DELIVER} else DatabaseSettings
    place = database.settings(role).model_dump(exclude_unset=True)
    return model.model_validate(place | limits)


def test_every_login_of_a_function_is_documented() -> None:
    assert {*DOCUMENTED} == {*FUNCTIONS}


@pytest.mark.parametrize("role", FUNCTIONS)
def test_session_of_a_login_has_the_documented_limits(module_database: Database, role: str) -> None:
    with closing(connect(settings_of(module_database, role), PASSWORD)) as db, transaction(db) as cursor:
        cursor.execute(
            "SELECT array_agg(setting::integer / 1000 ORDER BY array_position(%s, name)) FROM pg_settings"
            " WHERE name = ANY(%s)",
            (list(LIMITS), list(LIMITS)),
        )
        assert tuple(one_row(cursor)[0]) == DOCUMENTED[role]


@pytest.mark.slow
def test_abandoned_transaction_of_a_caller_ends_and_releases_its_locks(module_database: Database) -> None:
    held = "SELECT FROM pg_locks WHERE relation = 'olist.sellers'::regclass"
    settings = settings_of(module_database, INGEST, db_statement_seconds=1)
    with closing(connect(settings, PASSWORD)) as db:
        cursor = db.cursor()
        cursor.execute("LOCK TABLE olist.sellers IN ROW EXCLUSIVE MODE")
        assert module_database.query(held)
        module_database.until(f"SELECT WHERE NOT EXISTS ({held})")
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
