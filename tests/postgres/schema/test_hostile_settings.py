"""Apply and doctor do not depend on the settings of the database and its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.roles import LOGINS
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine
from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")


def test_schema_is_complete_and_intact_under_hostile_settings(database: Database) -> None:
    database.query(
        "DROP TABLE quotes.quote_tags; ALTER TABLE olist.orders DROP CONSTRAINT orders_customer_id_fkey"
    )
    with hostile_settings(database):
        db = database.connect("master")
        codes = {finding["code"] for finding in examine(db)}
        assert codes == {"missing_table", "missing_constraint", "read_only"}
        apply(db, PASSWORDS)
        assert examine(db) == []
    assert database.query("SELECT count(*) FROM quotes.quote_tags") == [(0,)]
