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
    BACKUP,
    DELIVER,
    EXPORT,
    GROUPS,
    INGEST,
    LEDGER_OWNER,
    LOAD,
    LOGINS,
    MEMBERSHIPS,
    MIGRATE,
    MIGRATION_RUN,
    OWNER,
    OWNERS,
    READERS,
    REFILL,
    RESTORE_RUN,
    RUN_OF,
    RUNS,
)
from dataforge.postgres.sql import Sql
from dataforge.runs import leases
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

Denied = psycopg2.errors.InsufficientPrivilege
DATA = [f"{d.name}.{t.name}" for d in DATASETS.values() for t in d.tables.values()]
ORDERS: Table = DATASETS["olist"].table("orders")

GRANTED = {
    (LOAD, "dataforge.migrations", "SELECT"),
    (LOAD, "dataforge.migration_files", "SELECT"),
    (LOAD, "dataforge.migration_chunks", "SELECT"),
    *(
        (LOAD, f"dataforge.migration_chunks.{c}", "UPDATE")
        for c in ("scan", "tallies", "result", "error", "cause", "loaded_at")
    ),
    (LOAD, "dataforge.rejections", "INSERT"),
    (REFILL, "dataforge.restore_pieces", "SELECT"),
    *((REFILL, f"dataforge.restore_pieces.{c}", "UPDATE") for c in ("result", "error", "cause")),
    *(
        (role, "dataforge.rejected_texts", privilege)
        for role in (INGEST, LOAD)
        for privilege in ("SELECT", "INSERT", "UPDATE")
    ),
    (INGEST, "dataforge.rejections", "SELECT"),
    (INGEST, "dataforge.rejections", "INSERT"),
    (INGEST, "dataforge.quality_facts", "INSERT"),
    *((INGEST, "dataforge.batches", privilege) for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")),
    *((BACKUP, relation, "SELECT") for relation in DATA),
    *(
        (BACKUP, f"dataforge.{relation}", privilege)
        for relation in ("backups", "backup_parts", "backup_checks")
        for privilege in ("SELECT", "INSERT", "UPDATE")
    ),
    (BACKUP, "dataforge.backups", "DELETE"),
    *(
        (BACKUP, f"dataforge.{relation}", privilege)
        for relation in ("snapshots", "backup_leases")
        for privilege in ("SELECT", "INSERT", "DELETE")
    ),
    (BACKUP, "dataforge.backup_leases", "UPDATE"),
    *((role, "dataforge.cursor_keys.created_at", "SELECT") for role in (INGEST, DELIVER)),
    (DELIVER, "dataforge.audit", "SELECT"),
    (INGEST, "dataforge.cursor_keys.ingest", "SELECT"),
    (DELIVER, "dataforge.cursor_keys.deliver", "SELECT"),
    *((role, "dataforge.key_limits", "SELECT") for role in (INGEST, DELIVER)),
    *(
        (DELIVER, f"dataforge.{name}", "SELECT")
        for name in ("migrations", "migration_tables", "quality_facts")
    ),
    *((role, relation, "SELECT") for role in (DELIVER, EXPORT, ANALYST) for relation in DATA),
    *((INGEST, relation, privilege) for relation in DATA for privilege in ("SELECT", "INSERT", "UPDATE")),
    *(
        (MIGRATION_RUN, relation, privilege)
        for relation in DATA
        for privilege in ("SELECT", "INSERT", "UPDATE", "REFERENCES")
    ),
    *(
        (RESTORE_RUN, relation, privilege)
        for relation in DATA
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES")
    ),
    *(
        (MIGRATION_RUN, f"dataforge.{relation}", privilege)
        for relation, privileges in {
            "migrations": ("SELECT", "INSERT", "UPDATE"),
            "migration_chunks": ("SELECT", "INSERT", "UPDATE", "DELETE"),
            "migration_tables": ("SELECT", "INSERT", "UPDATE", "DELETE"),
            "migration_files": ("SELECT", "INSERT", "DELETE"),
            "migration_steps": ("SELECT", "INSERT"),
            "quality_facts": ("INSERT",),
            "rejected_texts": ("SELECT", "INSERT", "UPDATE"),
            "rejections": ("SELECT", "INSERT", "DELETE"),
            "rejections.replayed_at": ("UPDATE",),
        }.items()
        for privilege in privileges
    ),
    *((RESTORE_RUN, "dataforge.restores", privilege) for privilege in ("SELECT", "INSERT", "UPDATE")),
    *(
        (RESTORE_RUN, f"dataforge.{relation}", privilege)
        for relation in ("restore_tables", "restore_pieces")
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ),
    *(
        (role, "dataforge.write_leases", privilege)
        for role in RUNS
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ),
    *((OWNER, f"dataforge.{relation}", "SELECT") for relation in ("leases", "migrations", "restores")),
    *(
        (OWNER, f"dataforge.schema_{relation}", privilege)
        for relation in ("changes", "objects", "renames", "plans")
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ),
    *(
        (OWNER, f"dataforge.{relation}.{column}", privilege)
        for relation in ("migration_tables", "quality_facts", "rejections")
        for column, privilege in (("dataset", "SELECT"), ("table", "SELECT"), ("table", "UPDATE"))
    ),
}
RELATIONS = """
    SELECT a.grantee::regrole::text, c.oid::regclass::text, privilege_type
    FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace::regnamespace::text = ANY(%s) AND grantee <> relowner
    UNION ALL SELECT a.grantee::regrole::text, c.oid::regclass || '.' || attname, privilege_type
    FROM pg_class c JOIN pg_attribute t ON attrelid = c.oid, aclexplode(attacl) a
    WHERE c.relnamespace::regnamespace::text = ANY(%s)
"""


@pytest.fixture(scope="module", autouse=True)
def examined() -> None:
    """Keep all datasets in the catalogue: the grants of each are listed."""


def test_relations_have_exactly_the_listed_grants(module_database: Database) -> None:
    schemas = ["dataforge", *DATASETS]
    found = module_database.query(RELATIONS, schemas, schemas)
    assert sorted(found) == sorted(GRANTED)


def test_only_declared_roles_have_usage_on_the_schemas(module_database: Database) -> None:
    schemas = ["dataforge", *DATASETS]
    found = module_database.query(
        "SELECT nspname, grantee::regrole::text, privilege_type FROM pg_namespace, aclexplode(nspacl)"
        " WHERE nspname = ANY(%s) AND grantee <> nspowner",
        schemas,
    )
    expected = {(schema, role, "USAGE") for schema in DATASETS for role in READERS}
    expected |= {("dataforge", role, "USAGE") for role in {*READERS, OWNER} - {ANALYST}}
    assert sorted(found) == sorted(expected)


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
        "SELECT roleid::regrole::text, member::regrole::text, bool_or(inherit_option), bool_or(set_option)"
        " FROM pg_auth_members WHERE roleid::regrole::text = ANY(%s) GROUP BY 1, 2 HAVING bool_or(set_option)"
    )
    assert sorted(module_database.query(members, list(OWNERS))) == sorted(
        (owner, "master", True, True) for owner in OWNERS
    )
    assert sorted(module_database.query(members, list(RUNS))) == sorted(
        (role, member, member == OWNER, True) for role, member in MEMBERSHIPS
    )
    for role in set(LOGINS) - set(RUN_OF):
        assert module_database.query("SELECT 1 FROM pg_auth_members WHERE member = %s::regrole", role) == []


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
        with pytest.raises(Denied):
            module_database.connect("stranger").cursor().execute(f"SELECT * FROM {relation}")
    finally:
        module_database.query("DROP ROLE stranger")


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


def test_published_table_has_no_grants_of_the_workers(database: Database) -> None:
    dataset = DATASETS["olist"]
    table = dataset.table("sellers")
    with transaction(database.connect(MIGRATE), role=MIGRATION_RUN) as cursor:
        assert leases.take(cursor, leases.WRITE, "run", "olist", ["sellers"]) == ""
        shadow.create(cursor, "run", [table])
        shadow.add_keys(cursor, table, "run")
        shadow.finish(cursor, table, "run")
        shadow.lock(cursor, dataset, [table], Sql("ACCESS EXCLUSIVE"))
        shadow.swap(cursor, dataset, "run", [table])
    test_relations_have_exactly_the_listed_grants(database)
    owner = "SELECT tableowner FROM pg_tables WHERE schemaname = 'olist' AND tablename = 'sellers'"
    assert database.query(owner) == [(OWNER,)]
