"""The time limits of every login are those of the documentation."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.postgres.connection import connect, transaction
from dataforge.postgres.roles import ANALYST, DELIVER, FUNCTIONS, INGEST, LOGINS
from dataforge.postgres.rows import one_row
from dataforge.postgres.time_limits import TimeLimits
from dataforge.settings import DatabaseSettings, HttpSettings
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine
from tests.postgres.conftest import MASTER

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

PASSWORD = "for the tests"
LIMITS = TimeLimits._fields
ROW = re.compile(r"\| `(dataforge_\w+)` \| [^|]+" + r"\| (\d+) " * len(LIMITS) + r"\|")
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
DOCUMENTED = {
    row[1]: tuple(map(int, row.groups()[1:])) for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))
}
IN_SESSION = (
    "SELECT array_agg(extract(epoch FROM current_setting(name, true)::interval)::integer ORDER BY n)"
    " FROM unnest(%s) WITH ORDINALITY AS limits (name, n)"
)


def settings_of(database: Database, role: str, **limits: int) -> DatabaseSettings:
    """The settings of the function that signs in as this role."""
    model = HttpSettings if role in {INGEST, DELIVER} else DatabaseSettings
    place = database.settings(role).model_dump(exclude_unset=True)
    return model.model_validate(place | limits)


def have_documented_limits(found: list[int | None], role: str) -> bool:
    """PostgreSQL 16 has no limit for a transaction."""
    return all(have in {wanted, None} for have, wanted in zip(found, DOCUMENTED[role], strict=True))


def test_every_login_is_documented() -> None:
    assert {*DOCUMENTED} == {*LOGINS}


@pytest.mark.parametrize("role", FUNCTIONS)
def test_session_of_a_function_has_the_documented_limits(module_database: Database, role: str) -> None:
    with closing(connect(settings_of(module_database, role), PASSWORD)) as db, transaction(db) as cursor:
        cursor.execute(IN_SESSION, (list(LIMITS),))
        assert have_documented_limits(one_row(cursor)[0], role)


@pytest.mark.parametrize("role", LOGINS)
def test_session_of_another_program_has_the_documented_limits(module_database: Database, role: str) -> None:
    place = module_database.settings(role)
    plain = psycopg2.connect(
        host=place.db_host, port=place.db_port, dbname=place.db_name, user=role, password=PASSWORD
    )
    with closing(plain) as db, db.cursor() as cursor:
        cursor.execute(IN_SESSION, (list(LIMITS),))
        assert have_documented_limits(one_row(cursor)[0], role)


def test_limit_of_an_administrator_is_retained(database: Database) -> None:
    master = database.connect(MASTER)
    database.query(f"ALTER ROLE {ANALYST} SET lock_timeout = 0; ALTER ROLE {ANALYST} RESET statement_timeout")
    try:
        findings = [(f["code"], f["detail"]) for f in examine(master)]
        assert findings == [("missing_time_limit", f"{ANALYST} has no statement_timeout.")]
        changes = apply(master, dict.fromkeys(LOGINS, PASSWORD))["changes"]
        assert changes == [f"ALTER ROLE \"{ANALYST}\" SET statement_timeout = '3600s'"]
    finally:
        database.query(f"ALTER ROLE {ANALYST} SET lock_timeout = '20s'")


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
