"""An upgrade takes the owner from the functions, and the ledger from the owner of the datasets, in two steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.postgres.connection import connect
from dataforge.postgres.roles import BACKUP, LEDGER_OWNER, LOAD, MIGRATE, MIGRATION_RUN, OWNER
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine
from tests.postgres.conftest import MASTER, PASSWORD, PASSWORDS

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

EARLIER = """
    DROP SCHEMA dataforge_steps CASCADE;
    DO $do$ DECLARE found record; BEGIN
        ALTER SCHEMA dataforge OWNER TO dataforge_owner;
        FOR found IN SELECT oid::regclass AS name FROM pg_class
                     WHERE relnamespace = 'dataforge'::regnamespace AND relkind IN ('r', 'v') LOOP
            EXECUTE format('ALTER TABLE %%s OWNER TO dataforge_owner', found.name);
        END LOOP;
        FOR found IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'dataforge'::regnamespace LOOP
            EXECUTE format('ALTER FUNCTION %%s OWNER TO dataforge_owner', found.name);
        END LOOP;
    END $do$;
    CREATE VIEW dataforge.mine AS SELECT 1 AS one;
    ALTER VIEW dataforge.mine OWNER TO dataforge_owner;
    GRANT SELECT, INSERT, DELETE ON dataforge.leases TO dataforge_backup;
    CREATE SCHEMA shadow_old AUTHORIZATION dataforge_owner;
    GRANT USAGE ON SCHEMA shadow_old TO dataforge_load;
    CREATE TABLE shadow_old.sellers (seller_id text);
    ALTER TABLE shadow_old.sellers OWNER TO dataforge_owner
"""
OWNERS_OF_LEDGER = """
    SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'dataforge'::regnamespace AND relkind <> 'i'
"""


@pytest.fixture
def master(database: Database) -> Connection:
    """A database as an earlier version left it."""
    database.query(EARLIER)
    db = connect(database.settings(MASTER), PASSWORD)
    with db, db.cursor() as cursor:
        cursor.execute(
            "GRANT dataforge_owner TO dataforge_migrate, dataforge_restore WITH INHERIT FALSE, SET TRUE"
        )
    return db


@pytest.mark.slow
def test_functions_of_an_earlier_version_work_until_they_are_replaced(
    database: Database, master: Connection
) -> None:
    apply(master, PASSWORDS, contract=False)
    former = {finding["code"] for finding in examine(master)}
    assert {"former_grant", "former_owner"} <= former
    earlier = database.connect(MIGRATE).cursor()
    earlier.execute(f"SET LOCAL ROLE {OWNER}")
    earlier.execute("DELETE FROM dataforge.leases; INSERT INTO shadow_old.sellers VALUES ('x')")
    earlier.execute("DROP TABLE shadow_old.sellers")
    earlier.connection.close()
    backup = database.connect(BACKUP)
    backup.cursor().execute("DELETE FROM dataforge.leases")
    backup.close()
    apply(master, PASSWORDS)
    master.close()


def test_last_step_withdraws_the_owner_and_moves_the_ledger(database: Database, master: Connection) -> None:
    apply(master, PASSWORDS, contract=False)
    apply(master, PASSWORDS)
    assert database.query(OWNERS_OF_LEDGER) == [(LEDGER_OWNER,)]
    assert [f for f in examine(master) if f["code"] != "left_over"] == []
    assert apply(master, PASSWORDS)["changes"] == []
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.connect(MIGRATE).cursor().execute(f"SET ROLE {OWNER}")
    run = database.connect(MIGRATE).cursor()
    run.execute(f"SET LOCAL ROLE {MIGRATION_RUN}")
    run.execute(f"GRANT INSERT ON shadow_old.sellers TO {LOAD}")
    run.execute("SELECT dataforge_steps.drop_shadows('shadow_old')")
    master.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP SCHEMA olist CASCADE",
        "DROP TABLE olist.orders",
        "DROP TABLE dataforge.rejections",
        "TRUNCATE dataforge.quality_facts",
        "UPDATE dataforge.quality_facts SET read = 0",
        "DELETE FROM dataforge.quality_facts",
        "DELETE FROM olist.orders",
        "TRUNCATE olist.orders",
        "ALTER TABLE olist.orders OWNER TO dataforge_migrate",
        "CREATE FUNCTION olist.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE FUNCTION dataforge.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE SCHEMA mine",
        "CREATE TRIGGER t BEFORE INSERT ON olist.orders EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "SELECT * FROM dataforge.cursor_keys",
        "INSERT INTO dataforge.leases VALUES ('olist', 'orders', 'backup', 'x')",
        "DELETE FROM dataforge.restores",
        "SELECT dataforge_steps.drop_shadows('olist')",
        "SELECT dataforge_steps.create_shadows('mine')",
        "SELECT dataforge_steps.swap('dataforge', ARRAY['rejections'], 'shadow_x', NULL)",
        "SELECT dataforge_steps.swap('olist', ARRAY['orders'], 'shadow_x', NULL)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_run_of_a_migration_may_not(database: Database, statement: str) -> None:
    cursor = database.connect(MIGRATE).cursor()
    cursor.execute(f"SET LOCAL ROLE {MIGRATION_RUN}")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


def test_run_cannot_end_a_transaction_without_the_constraints_that_it_suspended(database: Database) -> None:
    database.query("INSERT INTO dataforge.leases VALUES ('company', 'employees', 'write', 'x')")
    constraints = (
        "SELECT conname FROM pg_constraint WHERE conrelid = 'company.employees'::regclass AND contype = 'u'"
    )
    before = database.query(constraints)
    assert before
    cursor = database.connect(MIGRATE).cursor()
    for undone in ("", "SET CONSTRAINTS ALL IMMEDIATE", "SET session_replication_role = replica"):
        cursor.execute(f"SET LOCAL ROLE {MIGRATION_RUN}")
        cursor.execute("SELECT dataforge_steps.suspend_unique('company', ARRAY['employees'])")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"{undone}; COMMIT")
        cursor.connection.rollback()
    assert database.query(constraints) == before


def test_functions_of_replays_delete_no_rejection_of_a_record(database: Database) -> None:
    """They delete what later replays superseded, and mark with the current time."""
    for status in ("running", "failed", "published"):
        database.query(
            "INSERT INTO dataforge.migrations (migration_id, execution, dataset, prefix, tables, quality_threshold, status)"
            " VALUES (%s, %s, 'olist', '', '{}', 0, %s)",
            *(status,) * 3,
        )
    rejection = 'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id, replay_of)'
    ids = [
        database.query(
            f"{rejection} VALUES ('olist', 'orders', '1', '[]', %s, %s) RETURNING id", status, replay_of
        )[0][0]
        for status, replay_of in (("published", None), ("failed", 1), ("running", 1), ("published", None))
    ]
    assert ids == [1, 2, 3, 4]
    cursor = database.connect(MIGRATE).cursor()
    cursor.execute(f"SET LOCAL ROLE {MIGRATION_RUN}")
    cursor.execute("SELECT dataforge.delete_superseded(%s)", (ids,))
    cursor.execute("SELECT id FROM dataforge.rejections ORDER BY id")
    assert cursor.fetchall() == [(1,), (3,), (4,)]
    cursor.execute("SELECT dataforge.mark_replayed('running', %s)", (ids,))
    cursor.execute("SELECT id, replayed_at = now() FROM dataforge.rejections WHERE replayed_at IS NOT NULL")
    assert sorted(cursor.fetchall()) == [(3, True), (4, True)]


def test_run_of_a_migration_grants_nothing_to_others(database: Database) -> None:
    cursor = database.connect(MIGRATE).cursor()
    cursor.execute(f"SET LOCAL ROLE {MIGRATION_RUN}")
    # PostgreSQL warns instead of raising an error.
    cursor.execute("GRANT SELECT ON olist.orders TO PUBLIC")
    cursor.execute(
        "SELECT count(*) FROM pg_class, aclexplode(relacl) WHERE oid = 'olist.orders'::regclass AND grantee = 0"
    )
    assert cursor.fetchone() == (0,)


def test_backup_may_not_write_leases_of_others(database: Database) -> None:
    cursor = database.connect(BACKUP).cursor()
    with pytest.raises(psycopg2.errors.WithCheckOptionViolation):
        cursor.execute("INSERT INTO dataforge.backup_leases VALUES ('olist', 'orders', 'write', 'x', now())")
