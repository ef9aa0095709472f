"""The doctor reports damage, and a second apply fixes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import SchemaRefused
from dataforge.postgres.roles import LOGINS
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import REPAIR, examine

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")

DAMAGES = {
    "REVOKE INSERT ON dataforge.rejections FROM dataforge_load": (
        "missing_grant",
        "dataforge.rejections",
        "dataforge_load lacks INSERT",
    ),
    "REVOKE UPDATE (scan) ON dataforge.migration_chunks FROM dataforge_load": (
        "missing_grant",
        "dataforge.migration_chunks",
        "UPDATE (scan)",
    ),
    "REVOKE SELECT ON olist.orders FROM dataforge_ingest": ("missing_grant", "olist.orders", "lacks SELECT"),
    "REVOKE USAGE ON SCHEMA olist FROM dataforge_load": (
        "missing_grant",
        "olist",
        "dataforge_load lacks USAGE",
    ),
    "REVOKE dataforge_migration_run FROM dataforge_migrate GRANTED BY master": (
        "missing_grant",
        "dataforge_migrate",
        "become dataforge_migration_run",
    ),
    "ALTER ROLE dataforge_migrate NOLOGIN": ("no_login", "dataforge_migrate", "may not log in"),
    "ALTER TABLE olist.orders DROP CONSTRAINT orders_customer_id_fkey": (
        "missing_constraint",
        "olist.orders",
        "orders_customer_id_fkey",
    ),
    "ALTER TABLE olist.order_items DROP CONSTRAINT order_items_pkey": (
        "missing_constraint",
        "olist.order_items",
        "order_items_pkey",
    ),
    "ALTER TABLE olist.order_items DROP CONSTRAINT order_items_price_check": (
        "missing_constraint",
        "olist.order_items",
        "order_items_price_check",
    ),
    "DROP TABLE quotes.quote_tags": ("missing_table", "quotes.quote_tags", "does not exist"),
}


def test_doctor_reports_nothing_for_an_intact_database(master: Connection) -> None:
    assert examine(master) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_doctor_reports_damage_and_apply_fixes_it(
    database: Database, master: Connection, damage: str
) -> None:
    code, name, words = DAMAGES[damage]
    database.query(damage)
    try:
        found = examine(master)
        assert (code, name) in {(f["code"], f["object"]) for f in found}
        assert any(words in f["detail"] and f["hint"] == REPAIR for f in found)
    finally:
        apply(master, PASSWORDS)
    assert examine(master) == []


@pytest.fixture(params=LOGINS)
def missing_role(request: pytest.FixtureRequest, server: object, database: Database) -> Iterator[str]:
    """A missing role. It is renamed for the test, because it has privileges in other databases of the server."""
    role = request.param
    database.query(f"ALTER ROLE {role} RENAME TO gone")
    yield role
    database.query(f"DROP OWNED BY {role}; DROP ROLE IF EXISTS {role}; ALTER ROLE gone RENAME TO {role}")


@pytest.mark.slow
def test_doctor_reports_missing_role_and_apply_creates_it(
    database: Database, master: Connection, missing_role: str
) -> None:
    assert ("missing_role", missing_role) in {(f["code"], f["object"]) for f in examine(master)}
    apply(master, PASSWORDS)
    assert examine(master) == []
    database.connect(missing_role).close()


@pytest.mark.parametrize(
    ("damage", "mending", "code"),
    [
        (
            "ALTER ROLE dataforge_load CREATEROLE",
            "ALTER ROLE dataforge_load NOCREATEROLE",
            "excess_privileges",
        ),
        (
            "ALTER TABLE olist.sellers OWNER TO master",
            "ALTER TABLE olist.sellers OWNER TO dataforge_owner",
            "wrong_owner",
        ),
        ("ALTER TABLE olist.sellers ADD note text", "ALTER TABLE olist.sellers DROP note", "wrong_columns"),
        (
            "ALTER TABLE olist.sellers ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE olist.sellers DISABLE ROW LEVEL SECURITY",
            "row_security",
        ),
        (
            "ALTER TABLE dataforge.rejections ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE dataforge.rejections DISABLE ROW LEVEL SECURITY",
            "row_security",
        ),
        (
            "CREATE TABLE public.more () INHERITS (olist.sellers)",
            "DROP TABLE public.more",
            "child_table",
        ),
        (
            "ALTER TABLE olist.geolocations SET UNLOGGED",
            "ALTER TABLE olist.geolocations SET LOGGED",
            "unlogged",
        ),
    ],
)
def test_finding_that_apply_cannot_fix_has_a_hint_that_fixes_it(
    database: Database, master: Connection, damage: str, mending: str, code: str
) -> None:
    database.query(damage)
    try:
        [finding] = examine(master)
        assert finding["code"] == code
        assert finding["hint"] != REPAIR
        if finding["hint"].startswith("ALTER"):
            database.query(finding["hint"])
            assert examine(master) == []
    finally:
        database.query(mending)


@pytest.mark.parametrize(
    "setting",
    ["session_replication_role = replica", "zero_damaged_pages = on", "ignore_checksum_failure = on"],
)
@pytest.mark.parametrize(
    "place", ["ROLE dataforge_ingest", "DATABASE {}", "ROLE dataforge_load IN DATABASE {}"]
)
def test_doctor_reports_unsafe_setting_of_a_superuser(
    database: Database, master: Connection, setting: str, place: str
) -> None:
    database.query(f"ALTER {place.format(database.name)} SET {setting}")
    [finding] = examine(master)
    assert finding["code"] == "unsafe_setting"
    database.query(finding["hint"])
    assert examine(master) == []


def test_doctor_reports_a_database_with_another_encoding(database: Database) -> None:
    database.server.run(
        "CREATE DATABASE latin OWNER master ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    latin = replace(database, name="latin").connect("master")
    assert ("encoding", "latin") in {(f["code"], f["object"]) for f in examine(latin)}
    latin.close()


def test_doctor_reports_a_rule_that_replaces_statements(database: Database, master: Connection) -> None:
    database.query('CREATE RULE "My rule" AS ON DELETE TO olist.sellers DO INSTEAD NOTHING')
    [finding] = examine(master)
    assert finding["code"] == "instead_rule"
    database.query(finding["hint"])
    assert examine(master) == []


def test_apply_refuses_table_with_row_security_and_names_it(database: Database, master: Connection) -> None:
    database.query("ALTER TABLE olist.sellers ENABLE ROW LEVEL SECURITY; DROP TABLE quotes.quote_tags")
    with pytest.raises(SchemaRefused, match=r"olist\.sellers.*DISABLE ROW LEVEL SECURITY"):
        apply(master, PASSWORDS)
    database.query("ALTER TABLE olist.sellers DISABLE ROW LEVEL SECURITY")
    apply(master, PASSWORDS)
    assert examine(master) == []


def test_doctor_examines_an_empty_database_without_an_error(empty_database: Database) -> None:
    codes = {f["code"] for f in examine(empty_database.connect("master"))}
    assert codes == {"missing_grant", "missing_table", "public_right"}
