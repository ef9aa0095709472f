"""Every login, and every role that it can assume, is denied the actions that nothing declares.

The actions are generated from PostgreSQL's catalogue: each role, each object, and each statement that could read, change,
drop, own, grant or replace it. Each statement runs in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.postgres.connection import connect
from dataforge.postgres.roles import DELETE_SUPERSEDED, LOGINS, MARK_REPLAYED, MEMBERSHIPS, ROLES
from functions.schema.declared_rights import compact
from tests.postgres import recycling
from tests.postgres.conftest import MASTER, PASSWORD
from tests.postgres.rights import OURS, in_effect

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database

Action = tuple[str, str]
"""A description and the statement."""

DENIED = {"42501", "44000"}
"""insufficient_privilege; with_check_option_violation, of the views of leases."""
RELATIONS = """
    SELECT relnamespace::regnamespace || '.' || quote_ident(relname), relkind,
           (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1),
           relnamespace::regnamespace || '.' || relname
    FROM pg_class c WHERE relnamespace::regnamespace::text = ANY(%s) AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1
"""
TABLES = "SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1, 2"
OF_REPLAYS = {compact(function) for function in (MARK_REPLAYED, DELETE_SUPERSEDED)}
"""Functions that do nothing without arguments (``test_separation`` tests them)."""
FUNCTIONS = """
    SELECT oid::regprocedure::text, replace(oid::regprocedure::text, ' ', ''), oid::regproc::text,
           (SELECT coalesce(string_agg('NULL::' || t::regtype, ', '), '') FROM unnest(proargtypes) t), prosecdef
    FROM pg_proc WHERE pronamespace::regnamespace::text = ANY(%s) AND prorettype <> 'trigger'::regtype ORDER BY 1
"""
CATALOGUE = ("pg_authid", "pg_shadow", "pg_user_mapping", "pg_largeobject", "pg_subscription", "pg_statistic")
FILES = ("pg_read_file('PG_VERSION')", "pg_ls_dir('.')", "lo_import('/etc/passwd')", "pg_reload_conf()")
SERVER = (
    *("pg_rotate_logfile()", "pg_switch_wal()", "pg_create_restore_point('x')", "pg_stat_reset()"),
    *("pg_read_binary_file('PG_VERSION')", "pg_stat_file('PG_VERSION')", "pg_current_logfile()"),
)


@pytest.fixture(scope="module", autouse=True)
def examined() -> None:
    """Keep all datasets in the catalogue."""


def on_schema(schema: str) -> Iterator[Action]:
    yield f"drop {schema}", f'DROP SCHEMA "{schema}" CASCADE'
    yield f"own {schema}", f'ALTER SCHEMA "{schema}" OWNER TO CURRENT_USER'
    yield f"rename {schema}", f'ALTER SCHEMA "{schema}" RENAME TO mine'
    yield f"create table in {schema}", f'CREATE TABLE "{schema}".mine ()'
    yield f"create view in {schema}", f'CREATE VIEW "{schema}".mine AS SELECT 1'
    yield f"create type in {schema}", f"CREATE TYPE \"{schema}\".mine AS ENUM ('a')"
    yield f"create sequence in {schema}", f'CREATE SEQUENCE "{schema}".mine'
    for options in ("", "SECURITY DEFINER"):
        code = f"CREATE FUNCTION \"{schema}\".mine() RETURNS int LANGUAGE sql {options} AS 'SELECT 1'"
        yield f"create function in {schema} {options}", code


def on_relation(name: str, kind: str, column: str) -> Iterator[Action]:
    what = {"v": "VIEW", "S": "SEQUENCE"}.get(kind, "TABLE")
    yield f"drop {name}", f"DROP {what} {name} CASCADE"
    yield f"own {name}", f"ALTER {what} {name} OWNER TO CURRENT_USER"
    yield f"rename {name}", f"ALTER {what} {name} RENAME TO mine"
    yield f"move {name}", f"ALTER {what} {name} SET SCHEMA public"
    yield f"comment on {name}", f"COMMENT ON {what} {name} IS 'mine'"
    if kind == "S":
        yield f"restart {name}", f"ALTER SEQUENCE {name} RESTART"
        return
    yield f"rule on {name}", f"CREATE OR REPLACE RULE mine AS ON DELETE TO {name} DO INSTEAD NOTHING"
    if kind == "v":
        return
    yield f"add a column to {name}", f"ALTER TABLE {name} ADD COLUMN mine int"
    yield f"drop a column of {name}", f"ALTER TABLE {name} DROP COLUMN {column} CASCADE"
    yield f"default of {name}", f"ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL"
    yield f"disable triggers of {name}", f"ALTER TABLE {name} DISABLE TRIGGER ALL"
    yield f"hide rows of {name}", f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"policy on {name}", f"CREATE POLICY mine ON {name} USING (true)"
    yield f"index on {name}", f"CREATE INDEX mine ON {name} ({column})"
    trigger = "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    yield f"trigger on {name}", f"CREATE TRIGGER mine BEFORE UPDATE ON {name} FOR EACH ROW {trigger}"
    yield f"vacuum {name}", f"ALTER TABLE {name} SET (autovacuum_enabled = false)"


def by_privilege(name: str, kind: str, column: str) -> Iterator[tuple[str, str, str]]:
    """Each statement with the privileges of which it needs one."""
    if kind == "S":
        yield "USAGE UPDATE", f"next value of {name}", f"SELECT nextval('{name}')"
        yield "UPDATE", f"set {name}", f"SELECT setval('{name}', 1)"
        yield "SELECT", f"read {name}", f"TABLE {name}"
        return
    yield "SELECT", f"read {name}", f"TABLE {name}"
    yield "SELECT", f"copy {name}", f"COPY (TABLE {name}) TO STDOUT"
    yield "INSERT", f"insert into {name}", f"INSERT INTO {name} DEFAULT VALUES"
    yield "UPDATE", f"update {name}", f"UPDATE {name} SET {column} = DEFAULT"
    yield "DELETE", f"delete from {name}", f"DELETE FROM {name}"
    if kind != "v":
        yield "TRUNCATE", f"truncate {name}", f"TRUNCATE {name} CASCADE"
        yield "UPDATE DELETE TRUNCATE MAINTAIN", f"lock {name}", f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"


def on_roles(own: set[str]) -> Iterator[Action]:
    """PostgreSQL lets a role change its own password, and drop its own privileges."""
    for role in {*ROLES, MASTER} - own:
        yield f"grant {role}", f"GRANT {role} TO CURRENT_USER"
        yield f"password of {role}", f"ALTER ROLE {role} PASSWORD 'mine'"
        yield f"limits of {role}", f"ALTER ROLE {role} CONNECTION LIMIT -1"
        yield f"drop {role}", f"DROP OWNED BY {role}"
    yield "create role", "CREATE ROLE mine"
    yield "create schema", "CREATE SCHEMA mine"


def on_server(database: str) -> Iterator[Action]:
    yield "own the database", f"ALTER DATABASE {database} OWNER TO CURRENT_USER"
    yield "setting of the database", f"ALTER DATABASE {database} SET statement_timeout = 1"
    yield "run a program", "COPY (SELECT 1) TO PROGRAM 'true'"
    yield "write a file", "COPY (SELECT 1) TO '/tmp/mine'"
    yield "extension", "DROP EXTENSION plpgsql CASCADE"
    yield "publication", "CREATE PUBLICATION mine FOR ALL TABLES"
    yield "event trigger", "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION mine()"
    yield "replicate", "SET session_replication_role = replica"
    yield "unlogged audit", "SET log_statement = 'none'"
    yield from ((f"read {name}", f"TABLE {name}") for name in CATALOGUE)
    yield from ((call, f"SELECT {call}") for call in (*FILES, *SERVER))


def actions(database: Database, login: str, role: str) -> Iterator[Action]:
    """Everything that the role may not do."""
    rights = {(privilege, name) for _, privilege, name in in_effect(database.query, role, "public")}
    columns = {(privilege, name.rpartition(".")[0]) for privilege, name in rights if name.count(".") == 2}
    for schema in (*OURS, "public", "pg_catalog"):
        yield from on_schema(schema)
    for name, kind, column, plain in database.query(RELATIONS, [*OURS]):
        yield from on_relation(name, kind, column)
        for privileges, what, statement in by_privilege(name, kind, column or ""):
            if not any((p, plain) in rights or (p, plain) in columns for p in privileges.split()):
                yield what, statement
    for signature, plain, name, arguments, definer in database.query(FUNCTIONS, [*OURS]):
        yield f"drop {signature}", f"DROP FUNCTION {signature} CASCADE"
        yield f"own {signature}", f"ALTER FUNCTION {signature} OWNER TO CURRENT_USER"
        yield f"definer {signature}", f"ALTER FUNCTION {signature} SECURITY DEFINER"
        refuses_null = definer and arguments and plain not in OF_REPLAYS
        if ("EXECUTE", plain) not in rights or refuses_null:
            yield f"call {signature}", f"SELECT {name}({arguments})"
    reached = {group for group, member in MEMBERSHIPS if member == role}
    yield from on_roles({role, *reached})
    yield from on_server(database.name)
    yield from (
        (f"become {other}", f"SET ROLE {other}") for other in {*ROLES, MASTER} - reached - {role, login}
    )
    yield from by_function(database)
    if ("TEMPORARY", "database") not in rights:
        yield "temporary table", "CREATE TEMPORARY TABLE mine ()"


def by_function(database: Database) -> Iterator[Action]:
    """Calls of the functions that runs may call, with names that are not theirs: no run has a lease here."""
    for schema in (*OURS, "public", "pg_catalog"):
        yield f"create shadows {schema}", f"SELECT dataforge_steps.create_shadows('{schema}')"
        yield f"drop shadows {schema}", f"SELECT dataforge_steps.drop_shadows('{schema}')"
    for schema, table in database.query(TABLES, [*OURS]):
        one = f"'{schema}', ARRAY['{table}']"
        yield f"swap {schema}.{table}", f"SELECT dataforge_steps.swap({one}, 'shadow_x', NULL)"
        yield f"keep {schema}.{table}", f"SELECT dataforge_steps.swap({one}, 'shadow_x', '{schema}')"
        yield f"suspend {schema}.{table}", f"SELECT dataforge_steps.suspend_unique({one})"
    validate = "SELECT dataforge_steps.validate('dataforge', 'audit', 'audit_pkey')"
    yield "validate a constraint of the ledger", validate


def others_leases(role: str) -> Iterator[Action]:
    scope = "backup" if role.endswith("_run") else "write"
    view = "write_leases" if role.endswith("_run") else "backup_leases"
    row = f"VALUES ('olist', 'orders', '{scope}', 'x', now())"
    yield f"lease of {scope}", f"INSERT INTO dataforge.{view} {row}"
    yield f"any lease of {scope}", f"INSERT INTO dataforge.leases {row}"


def attempt(cursor: Cursor, assumed: str, statement: str) -> str:
    """The SQLSTATE of the statement, empty if it succeeds. Everything is rolled back."""
    db = cursor.connection
    try:
        if assumed:
            cursor.execute(f"SET LOCAL ROLE {assumed}")
        cursor.execute(statement)
    except psycopg2.Error as error:
        return error.pgcode or "lost"
    finally:
        db.rollback()
    return ""


def grants() -> Iterator[Action]:
    """Statements that only warn if nothing is granted."""
    for schema in OURS:
        yield f"grant {schema}", f'GRANT ALL ON SCHEMA "{schema}" TO PUBLIC'
        yield f"grant tables of {schema}", f'GRANT ALL ON ALL TABLES IN SCHEMA "{schema}" TO PUBLIC'
        yield f"grant functions of {schema}", f'GRANT ALL ON ALL FUNCTIONS IN SCHEMA "{schema}" TO PUBLIC'
        yield f"revoke {schema}", f'REVOKE ALL ON ALL TABLES IN SCHEMA "{schema}" FROM dataforge_backup'


pytestmark = pytest.mark.slow
PAIRS = [(login, "") for login in LOGINS] + [
    (member, group) for group, member in MEMBERSHIPS if member in LOGINS
]


@pytest.mark.parametrize(("login", "assumed"), PAIRS)
def test_every_undeclared_action_is_denied(module_database: Database, login: str, assumed: str) -> None:
    role = assumed or login
    with closing(connect(module_database.settings(login), PASSWORD)) as db, db.cursor() as cursor:
        tried = [*actions(module_database, login, role), *others_leases(role)]
        found = {what: attempt(cursor, assumed, statement) for what, statement in tried}
    allowed = {what: state for what, state in found.items() if state not in DENIED}
    assert len(found) > 500
    assert allowed == {}


@pytest.mark.parametrize(("login", "assumed"), PAIRS)
def test_nothing_is_granted_to_others(module_database: Database, login: str, assumed: str) -> None:
    with closing(module_database.superuser()) as db, db.cursor() as cursor:
        before = recycling.structure(cursor)
        with closing(connect(module_database.settings(login), PASSWORD)) as other, other.cursor() as attacker:
            for _, statement in grants():
                try:
                    attacker.execute(f"SET ROLE {assumed}" if assumed else "SELECT 1")
                    attacker.execute(statement)
                    other.commit()
                except psycopg2.errors.InsufficientPrivilege:
                    other.rollback()
        assert recycling.structure(cursor) == before
