"""Roles have exactly the privileges that they need, and PUBLIC has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.errors import Unavailable
from dataforge.postgres import shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import (
    ANALYST,
    DELIVER,
    GROUPS,
    LEDGER_OWNER,
    LOAD,
    LOGINS,
    MIGRATE,
    MIGRATION_RUN,
    OWNER,
    OWNERS,
)
from dataforge.postgres.sql import Sql
from dataforge.runs import leases
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import DATASETS
from tests.postgres.rights import differences

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

Denied = psycopg2.errors.InsufficientPrivilege
DATA = [f"{d.name}.{t.name}" for d in DATASETS.values() for t in d.tables.values()]
ORDERS: Table = DATASETS["olist"].table("orders")


@pytest.fixture(scope="module", autouse=True)
def examined() -> None:
    """Keep all datasets in the catalogue: the rights on each are compared."""


def test_analyst_reads_every_table_of_the_datasets_and_nothing_else(database: Database) -> None:
    cursor = database.connect(ANALYST).cursor()
    cursor.execute(
        "SELECT schemaname, tablename, tableowner FROM pg_tables WHERE schemaname = ANY(%s)", ([*DATASETS],)
    )
    tables = cursor.fetchall()
    assert len(tables) == sum(len(dataset.tables) for dataset in DATASETS.values())
    for schema, table, _ in tables:
        cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
    for denied in (
        "SELECT * FROM dataforge.rejections",
        "SELECT * FROM dataforge.batches",
        "DELETE FROM olist.orders",
        "INSERT INTO quotes.tags VALUES ('x')",
        "CREATE TABLE olist.mine ()",
        "CREATE TABLE public.mine ()",
        f"SET ROLE {OWNER}",
    ):
        cursor.connection.rollback()
        with pytest.raises(Denied):
            cursor.execute(denied)


def test_only_the_master_may_become_an_owner(module_database: Database) -> None:
    members = (
        "SELECT DISTINCT roleid::regrole::text, member::regrole::text FROM pg_auth_members"
        " WHERE roleid::regrole::text = ANY(%s) AND set_option"
    )
    found = module_database.query(members, list(OWNERS))
    assert sorted(found) == sorted((owner, "master") for owner in OWNERS)


def test_no_role_has_server_privileges(module_database: Database) -> None:
    powers = "rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication"
    query = f"SELECT rolname, rolcanlogin, {powers} FROM pg_roles WHERE rolname = ANY(%s)"
    found = {
        name: (login, mighty) for name, login, mighty in module_database.query(query, [*GROUPS, *LOGINS])
    }
    assert found == dict.fromkeys(GROUPS, (False, False)) | dict.fromkeys(LOGINS, (True, False))


@pytest.mark.parametrize("password", ["", "for the tests", OWNER])
def test_owner_cannot_log_in(module_database: Database, password: str) -> None:
    with pytest.raises(Unavailable, match=OWNER):
        module_database.connect(OWNER, password)


def test_login_requires_its_password(module_database: Database) -> None:
    with pytest.raises(Unavailable, match="password authentication failed") as raised:
        module_database.connect(LOAD, "a wrong one")
    assert "a wrong one" not in str(raised.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM olist.orders",
        "INSERT INTO olist.category_translations VALUES ('a', 'b')",
        "DELETE FROM olist.orders",
        "TRUNCATE olist.orders",
        "SELECT * FROM dataforge.rejections",
        "SELECT * FROM dataforge.leases",
        "UPDATE dataforge.migration_chunks SET first_byte = 0",
        "INSERT INTO dataforge.migrations VALUES ('x')",
        "DELETE FROM dataforge.migration_chunks",
        "CREATE SCHEMA mine",
        "CREATE TABLE dataforge.mine ()",
        "CREATE TABLE olist.mine ()",
        "CREATE TABLE public.mine ()",
        "DROP TABLE olist.orders",
        f"SET ROLE {OWNER}",
        f"SET ROLE {MIGRATE}",
        f"SET ROLE {LEDGER_OWNER}",
        "SET ROLE master",
        "ALTER ROLE dataforge_load CREATEROLE",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_worker_lacks_privilege(module_database: Database, statement: str) -> None:
    with pytest.raises(Denied):
        module_database.connect(LOAD).cursor().execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM olist.orders",
        "SELECT * FROM dataforge.migrations",
        "CREATE SCHEMA mine",
        "SET ROLE master",
        "ALTER ROLE dataforge_migrate CREATEROLE",
    ],
)
def test_migration_login_has_no_privilege_before_it_assumes_the_role_of_a_run(
    module_database: Database, statement: str
) -> None:
    with pytest.raises(Denied):
        module_database.connect(MIGRATE).cursor().execute(statement)


@pytest.mark.parametrize(
    "relation", ["olist.orders", "dataforge.rejections", "dataforge.leases", "quotes.tags"]
)
def test_role_without_grants_reads_nothing(module_database: Database, relation: str) -> None:
    module_database.query("CREATE ROLE stranger LOGIN PASSWORD 'for the tests'")
    try:
        with pytest.raises(Unavailable, match="permission denied for database"):
            module_database.connect("stranger")
        module_database.query(f"GRANT CONNECT ON DATABASE {module_database.name} TO stranger")
        with pytest.raises(Denied):
            module_database.connect("stranger").cursor().execute(f"SELECT * FROM {relation}")
    finally:
        module_database.query("DROP OWNED BY stranger; DROP ROLE stranger")


def test_worker_can_fill_a_shadow_but_not_read_it(database: Database) -> None:
    with transaction(database.connect(MIGRATE), role=MIGRATION_RUN) as cursor:
        shadow.create(cursor, "run", [ORDERS])
    worker = database.connect(LOAD)
    worker.autocommit = True
    values = "repeat('a', 32), repeat('b', 32), 'created', now(), NULL, NULL, NULL, now(), 1"
    worker.cursor().execute(f"INSERT INTO shadow_run.orders VALUES ({values})")
    for statement in (
        "SELECT * FROM shadow_run.orders",
        "DELETE FROM shadow_run.orders",
        "DROP TABLE shadow_run.orders",
    ):
        with pytest.raises(Denied):
            worker.cursor().execute(statement)


def test_published_table_has_no_grants_of_the_run(database: Database) -> None:
    """Neither those of its loads, nor those by which a run that was taken over would give the table to others."""
    dataset = DATASETS["olist"]
    table = dataset.table("sellers")
    with transaction(database.connect(MIGRATE), role=MIGRATION_RUN) as cursor:
        assert leases.take(cursor, leases.WRITE, "run", "olist", ["sellers"]) == ""
        shadow.create(cursor, "run", [table])
        shadow.add_keys(cursor, table, "run")
        shadow.finish(cursor, table, "run")
        cursor.execute(
            f"GRANT ALL ON shadow_run.sellers TO PUBLIC, {DELIVER};"
            f" GRANT SELECT (seller_id) ON shadow_run.sellers TO {LOAD} WITH GRANT OPTION"
        )
        shadow.lock(cursor, dataset, [table], Sql("ACCESS EXCLUSIVE"))
        shadow.swap(cursor, dataset, "run", [table])
        shadow.drop(cursor, "run")
    assert differences(database.query) == ([], [])
    owner = "SELECT tableowner FROM pg_tables WHERE schemaname = 'olist' AND tablename = 'sellers'"
    assert database.query(owner) == [(OWNER,)]
