"""Damage by a superuser: reported by the doctor, and fixed by a second apply or refused with a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.errors import SchemaRefused
from dataforge.postgres.roles import LOGINS
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import REPAIR, examine

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

pytestmark = pytest.mark.slow

PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")

Case = tuple[str, str, str, str]
"""The damage, and the finding's code, its object and words of its detail. ``{db}`` is the database's name."""

ALL_AT_ONCE: Case = ("DROP SCHEMA dataforge CASCADE", "missing_table", "dataforge.batches", "does not exist")
LEDGER: list[Case] = [
    ("DROP TABLE dataforge.leases", "missing_table", "dataforge.leases", "does not exist"),
    ("DROP TABLE dataforge.migration_files CASCADE", "missing_table", "dataforge.migration_files", "exist"),
    ("ALTER TABLE dataforge.migrations DROP mode", "missing_column", "dataforge.migrations", "column mode"),
    ("ALTER TABLE dataforge.rejections DROP batch_id", "missing_column", "dataforge.rejections", "batch_id"),
    ("ALTER TABLE dataforge.rejections DROP id", "missing_column", "dataforge.rejections", "column id"),
    (
        "ALTER TABLE dataforge.migrations DROP migration_id CASCADE",
        "missing_column",
        "dataforge.migrations",
        "migration_id",
    ),
    (
        "ALTER TABLE dataforge.leases ALTER taken_at DROP DEFAULT",
        "wrong_default",
        "dataforge.leases",
        "now()",
    ),
    ("ALTER TABLE dataforge.batches ALTER request_hash DROP NOT NULL", "wrong_null", "dataforge.batches", ""),
    (
        "ALTER TABLE dataforge.leases DROP CONSTRAINT leases_pkey",
        "missing_constraint",
        "dataforge.leases",
        "leases_pkey",
    ),
    ("DROP INDEX dataforge.rejections_batch", "missing_index", "dataforge.rejections", "rejections_batch"),
]
TABLES: list[Case] = [
    (
        "ALTER TABLE olist.orders DROP order_estimated_delivery_date",
        "missing_column",
        "olist.orders",
        "estimated",
    ),
    (
        "ALTER TABLE olist.orders ALTER order_status DROP NOT NULL",
        "wrong_null",
        "olist.orders",
        "may be NULL",
    ),
    (
        "ALTER TABLE olist.order_items DROP CONSTRAINT order_items_price_check,"
        " ADD CONSTRAINT order_items_price_check CHECK (price > -5)",
        "wrong_constraint",
        "olist.order_items",
        "order_items_price_check",
    ),
    (
        "ALTER TABLE olist.orders DROP CONSTRAINT orders_customer_id_fkey, ADD CONSTRAINT orders_customer_id_fkey"
        " FOREIGN KEY (customer_id) REFERENCES olist.customers NOT VALID",
        "not_valid",
        "olist.orders",
        "orders_customer_id_fkey",
    ),
    (
        "ALTER TABLE olist.orders DROP CONSTRAINT orders_customer_id_fkey, ADD CONSTRAINT orders_customer_id_fkey"
        " FOREIGN KEY (customer_id) REFERENCES olist.customers ON DELETE CASCADE",
        "wrong_constraint",
        "olist.orders",
        "CASCADE",
    ),
    ("DROP INDEX olist.orders_customer_id_idx", "missing_index", "olist.orders", "orders_customer_id_idx"),
    (
        "DROP INDEX olist.orders_customer_id_idx; CREATE INDEX orders_customer_id_idx ON olist.orders (order_status)",
        "wrong_index",
        "olist.orders",
        "order_status",
    ),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'olist.orders_customer_id_idx'::regclass",
        "wrong_index",
        "olist.orders",
        "INVALID",
    ),
    ("ALTER TABLE olist.orders DISABLE TRIGGER ALL", "disabled_trigger", "olist.orders", "customer_id_fkey"),
    (
        "ALTER TABLE olist.customers DISABLE TRIGGER ALL",
        "disabled_trigger",
        "olist.orders",
        "customer_id_fkey",
    ),
]
ROLES: list[Case] = [
    ("ALTER ROLE dataforge_load VALID UNTIL '2020-01-01'", "expired", "dataforge_load", "VALID UNTIL"),
    ("ALTER ROLE dataforge_ingest CONNECTION LIMIT 0", "no_connections", "dataforge_ingest", "LIMIT 0"),
    ("ALTER ROLE dataforge_owner LOGIN", "owner_login", "dataforge_owner", "may log in"),
    (
        "ALTER ROLE dataforge_load SET default_transaction_read_only = on",
        "read_only",
        "dataforge_load",
        "read-only",
    ),
    (
        "ALTER ROLE dataforge_load IN DATABASE {db} SET default_transaction_read_only = true",
        "read_only",
        "dataforge_load",
        "{db}",
    ),
    ("ALTER DATABASE {db} SET default_transaction_read_only = 'yes'", "read_only", "{db}", "{db}"),
    (
        "GRANT dataforge_owner TO dataforge_load GRANTED BY master",
        "excess_grant",
        "dataforge_load",
        "rights of dataforge_owner",
    ),
    (
        "GRANT dataforge_owner TO dataforge_migrate WITH INHERIT TRUE, ADMIN TRUE GRANTED BY master",
        "excess_grant",
        "dataforge_migrate",
        "rights of dataforge_owner",
    ),
]
RIGHTS: list[Case] = [
    ("REVOKE CREATE ON DATABASE {db} FROM dataforge_owner", "missing_grant", "{db}", "lacks CREATE"),
    (
        "REVOKE CONNECT ON DATABASE {db} FROM PUBLIC, dataforge_load",
        "missing_grant",
        "{db}",
        "dataforge_load lacks CONNECT",
    ),
    ("REVOKE INSERT ON olist.orders FROM dataforge_owner", "missing_grant", "olist.orders", "lacks INSERT"),
    ("REVOKE CREATE ON SCHEMA olist FROM dataforge_owner", "missing_grant", "olist", "lacks CREATE"),
    (
        "GRANT SELECT ON olist.orders TO dataforge_load",
        "excess_grant",
        "olist.orders",
        "dataforge_load has SEL",
    ),
    ("GRANT DELETE ON olist.orders TO dataforge_ingest", "excess_grant", "olist.orders", "DELETE"),
    ("GRANT SELECT ON olist.orders TO PUBLIC", "excess_grant", "olist.orders", "PUBLIC has SELECT"),
    (
        "GRANT UPDATE (key) ON dataforge.migration_files TO dataforge_load",
        "excess_grant",
        "dataforge.migration_files",
        "UPDATE (key)",
    ),
    (
        "GRANT SELECT ON olist.orders TO dataforge_ingest WITH GRANT OPTION",
        "excess_grant",
        "olist.orders",
        "to others",
    ),
    ("GRANT CREATE ON SCHEMA olist TO dataforge_load", "excess_grant", "olist", "dataforge_load has CREATE"),
    ("GRANT CREATE ON SCHEMA dataforge TO PUBLIC", "excess_grant", "dataforge", "PUBLIC has CREATE"),
    ("GRANT CREATE ON DATABASE {db} TO dataforge_ingest", "excess_grant", "{db}", "has CREATE"),
    (
        "GRANT USAGE ON SEQUENCE dataforge.rejections_id_seq TO dataforge_load",
        "excess_grant",
        "dataforge.rejections_id_seq",
        "USAGE",
    ),
]


def groups(cases: list[Case]) -> list[list[Case]]:
    """Damages to different objects, tested together because an examination takes as long for one as for ten."""
    found: list[list[Case]] = [[ALL_AT_ONCE]]
    for case in cases:
        free = (g for g in found[1:] if case[2] not in {name for _, _, name, _ in g})
        if (group := next(free, None)) is None:
            found.append(group := [])
        group.append(case)
    return found


@pytest.mark.parametrize("cases", groups([*LEDGER, *TABLES, *ROLES, *RIGHTS]))
def test_doctor_reports_each_damage_and_apply_fixes_it(
    database: Database, master: Connection, cases: list[Case]
) -> None:
    here = [tuple(text.replace("{db}", database.name) for text in case) for case in cases]
    # A single connection, because one of the damages makes later connections read-only.
    with database.superuser().cursor() as cursor:
        for damage, *_ in here:
            cursor.execute(damage)
    try:
        findings = examine(master)
        for damage, code, name, words in here:
            found = [f for f in findings if f["code"] == code and f["object"].startswith(name)]
            assert any(words in f["detail"] for f in found), (damage, findings)
            assert {f["hint"] for f in found} == {REPAIR}
    finally:
        changes = apply(master, PASSWORDS)["changes"]
    assert len(changes) >= len(cases)
    assert examine(master) == []
    assert apply(master, PASSWORDS) == {"changes": []}


BY_HAND: list[tuple[str, str, str, str]] = [
    ("CREATE SCHEMA shadow_gone AUTHORIZATION dataforge_owner", "left_over", "shadow_gone", ""),
    ("ALTER SCHEMA olist OWNER TO postgres", "wrong_owner", "olist", "olist belongs to postgres"),
    ("ALTER SCHEMA dataforge OWNER TO postgres", "wrong_owner", "dataforge", "dataforge belongs to postgres"),
    (
        "ALTER TABLE dataforge.leases OWNER TO postgres",
        "wrong_owner",
        "dataforge.leases",
        "belongs to postgres",
    ),
    ("ALTER TABLE olist.sellers OWNER TO postgres", "wrong_owner", "olist.sellers", "belongs to postgres"),
    (
        "ALTER TABLE dataforge.migrations ALTER mode TYPE varchar(9)",
        "wrong_type",
        "dataforge.migrations",
        "mode is character varying(9)",
    ),
    (
        "INSERT INTO olist.category_translations VALUES ('agro', 'farming');"
        "ALTER TABLE olist.category_translations ALTER product_category_name TYPE char(9)",
        "wrong_type",
        "olist.category_translations",
        "product_category_name is character(9)",
    ),
]


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case[0])
def test_apply_refuses_what_it_cannot_fix_until_the_hint_is_followed(
    database: Database, master: Connection, case: tuple[str, str, str, str]
) -> None:
    damage, code, name, words = case
    database.query(damage)
    [finding] = [f for f in examine(master) if f["code"] == code and f["object"] == name]
    assert words in finding["detail"]
    if code != "left_over":
        with pytest.raises(SchemaRefused, match=name.replace(".", r"\.")):
            apply(master, PASSWORDS)
    database.query(finding["hint"])
    apply(master, PASSWORDS)
    assert examine(master) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("ALTER TABLE olist.sellers ALTER seller_city DROP NOT NULL", "olist.sellers.seller_city"),
        (
            "ALTER TABLE olist.sellers DROP CONSTRAINT sellers_seller_state_check,"
            " ADD CONSTRAINT sellers_seller_state_check CHECK (true)",
            "sellers_seller_state_check",
        ),
    ],
)
def test_constraint_that_rows_violate_is_reported_and_refused(
    database: Database, master: Connection, damage: str, words: str
) -> None:
    database.query(damage)
    city, state = ("NULL", "'SP'") if "seller_city" in words else ("'x'", "'nowhere'")
    database.query(f"INSERT INTO olist.sellers VALUES (repeat('a', 32), '01037', {city}, {state})")
    assert [f["object"] for f in examine(master)] == ["olist.sellers"]
    with pytest.raises(SchemaRefused, match=words):
        apply(master, PASSWORDS)
    database.query("DELETE FROM olist.sellers")
    apply(master, PASSWORDS)
    assert examine(master) == []


def test_missing_not_null_column_of_a_filled_ledger_table_is_refused(
    database: Database, master: Connection
) -> None:
    database.query("INSERT INTO dataforge.batches VALUES ('b', 'me', 'key', 'hash')")
    database.query("ALTER TABLE dataforge.batches DROP request_hash")
    with pytest.raises(SchemaRefused, match=r"dataforge\.batches\.request_hash is new and NOT NULL"):
        apply(master, PASSWORDS)


def test_membership_granted_by_a_superuser_is_refused_with_the_statement(
    database: Database, master: Connection
) -> None:
    database.query("GRANT dataforge_owner TO dataforge_load")
    try:
        with pytest.raises(SchemaRefused, match='REVOKE "dataforge_owner" FROM "dataforge_load"'):
            apply(master, PASSWORDS)
    finally:
        database.query("REVOKE dataforge_owner FROM dataforge_load")
    assert examine(master) == []


def test_read_only_setting_for_all_roles_is_reported_and_the_examination_continues(
    database: Database, master: Connection
) -> None:
    with database.superuser().cursor() as before:
        before.execute("ALTER ROLE ALL SET default_transaction_read_only = on")
        try:
            [finding] = examine(database.connect("master"))
            administrator = database.superuser().cursor()
            for statement in finding["hint"].split("; "):
                administrator.execute(statement)
            assert examine(database.connect("master")) == []
        finally:
            before.execute("ALTER ROLE ALL RESET default_transaction_read_only")
    assert finding["code"] == "read_only"


OWN = (
    "GRANT SELECT ON ALL TABLES IN SCHEMA olist TO analyst",
    "GRANT USAGE ON SCHEMA olist TO PUBLIC",
    "CREATE VIEW olist.mine AS SELECT 1 AS one",
    "GRANT SELECT ON olist.mine TO PUBLIC",
    "CREATE INDEX mine_too ON olist.orders (order_status)",
    "ALTER TABLE olist.orders ADD CONSTRAINT mine CHECK (order_status <> 'x') NOT VALID",
    "CREATE SCHEMA shadow_mine AUTHORIZATION analyst",
    "ALTER TABLE dataforge.leases ADD later text",
    "ALTER ROLE dataforge_load CONNECTION LIMIT 50",
    "ALTER ROLE dataforge_load VALID UNTIL '2090-01-01'",
)


@pytest.mark.parametrize("member", ["GRANT dataforge_owner TO analyst", "GRANT analyst TO dataforge_load"])
def test_objects_of_an_owner_are_not_reported_and_stay(
    database: Database, master: Connection, member: str
) -> None:
    database.query("CREATE ROLE analyst")
    try:
        for statement in (member, *OWN):
            database.query(statement)
        assert examine(master) == []
        assert apply(master, PASSWORDS) == {"changes": []}
    finally:
        database.query("DROP OWNED BY analyst; DROP ROLE analyst")
        database.query("ALTER ROLE dataforge_load CONNECTION LIMIT -1 VALID UNTIL 'infinity'")


def test_shadow_of_a_running_migration_is_not_reported(database: Database, master: Connection) -> None:
    database.query(
        "INSERT INTO dataforge.migrations (migration_id, execution, dataset, prefix, tables, quality_threshold)"
        " VALUES ('Run-1', 'arn', 'olist', '', '{}', 0.9)"
    )
    database.query("CREATE SCHEMA shadow_run_1 AUTHORIZATION dataforge_owner")
    assert examine(master) == []
    database.query("UPDATE dataforge.migrations SET status = 'published'")
    assert [f["object"] for f in examine(master)] == ["shadow_run_1"]


def test_doctor_changes_nothing(database: Database, master: Connection) -> None:
    state = "SELECT oid, relname FROM pg_class UNION ALL SELECT oid, nspname FROM pg_namespace ORDER BY 1"
    before = database.query(state)
    examine(master)
    assert database.query(state) == before
