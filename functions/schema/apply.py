"""Bring a database to what the catalogue declares: additive changes only, in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2.extensions import encrypt_password

from dataforge import ddl
from dataforge.catalogue import Dataset, Table
from dataforge.database import Connection, transaction
from dataforge.datasets import DATASETS
from dataforge.errors import SchemaRefused
from dataforge.internal import INTERNAL
from dataforge.roles import LOGINS, OWNER, ROLE_SQL, table_grants
from functions.schema.difference import ColumnState, column_state, constraint_state, expected_state

_LOCK = 4_207_312_311
"""Key of the advisory lock: two deploys never change the schema at once."""


def apply(
    db: Connection, passwords: Mapping[str, str | None], datasets: Iterable[Dataset] = DATASETS.values()
) -> dict[str, Any]:
    """Create or evolve roles, Data Forge's own tables and the datasets. ``db`` is the master's connection.

    ``passwords``: each login role's password, or None where IAM signs it in. Returns what was changed.
    Raises ``SchemaRefused`` naming everything that would lose data or that existing rows contradict; nothing is changed
    then. Repeating it changes nothing.
    """
    changes: list[str] = []
    with transaction(db) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        _create_roles(cursor, passwords)
        cursor.execute(f"SET LOCAL ROLE {ddl.ident(OWNER)}")
        for statement in (*INTERNAL, *_internal_grants()):
            cursor.execute(statement)
        refusals: list[str] = []
        for dataset in datasets:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {ddl.ident(dataset.name)}")
            cursor.execute(f"GRANT USAGE ON SCHEMA {ddl.ident(dataset.name)} TO {', '.join(LOGINS)}")
            for wave in dataset.waves():
                for table in map(dataset.table, wave):
                    changes += _evolve(cursor, table, refusals)
        if refusals:
            raise SchemaRefused("The schema was left as it is: " + " ".join(refusals))
    return {"changes": changes}


def _create_roles(cursor: Any, passwords: Mapping[str, str | None]) -> None:
    """Roles are shared by all databases of a server, so they may exist.

    Passwords are hashed here: the server's log may show statements, but never a password.
    """
    cursor.execute("SELECT rolname FROM pg_roles")
    known = {name for (name,) in cursor.fetchall()}
    if OWNER not in known:
        cursor.execute(f"CREATE ROLE {ddl.ident(OWNER)} NOLOGIN")
    cursor.execute(f"GRANT {ddl.ident(OWNER)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    cursor.execute("SELECT current_database()")
    database = ddl.ident(cursor.fetchone()[0])
    cursor.execute(f"GRANT CREATE, CONNECT ON DATABASE {database} TO {ddl.ident(OWNER)}")
    for role in LOGINS:
        if role not in known:
            cursor.execute(f"CREATE ROLE {ddl.ident(role)}")
        cursor.execute(f"ALTER ROLE {ddl.ident(role)} LOGIN")
        cursor.execute(f"GRANT CONNECT ON DATABASE {database} TO {ddl.ident(role)}")
        if (password := passwords.get(role)) is not None:
            hashed = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            cursor.execute(f"ALTER ROLE {ddl.ident(role)} PASSWORD %s", (hashed,))
        elif "rds_iam" in known:
            cursor.execute(f"GRANT rds_iam TO {ddl.ident(role)}")
        else:
            raise SchemaRefused(
                "IAM authentication needs Amazon RDS (there is no role rds_iam). Deploy with -c auth=secret instead."
            )
    cursor.execute(ROLE_SQL[0])


def _internal_grants() -> tuple[str, ...]:
    return ROLE_SQL[1:]


def _evolve(cursor: Any, table: Table, refusals: list[str]) -> Iterator[str]:
    """Create the table, or bring it up to date; yields what was done, appends what was refused."""
    before = len(refusals)
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (ddl.qualified(table),))
    (exists,) = cursor.fetchone()
    if not exists:
        cursor.execute(ddl.create_table(table))
        yield f"created {table.dataset}.{table.name}"
    else:
        yield from _evolve_columns(cursor, table, refusals)
    if len(refusals) > before:
        return
    cursor.execute("SAVEPOINT table_change")
    try:
        yield from _complete(cursor, table, refusals)
    except psycopg2.ProgrammingError:
        # What a parent was refused is missing here; that refusal is told already.
        if not refusals:
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT table_change")
    cursor.execute("RELEASE SAVEPOINT table_change")


def _complete(cursor: Any, table: Table, refusals: list[str]) -> Iterator[str]:
    """Constraints, indexes, comments and grants of a table whose columns are right."""
    yield from _evolve_constraints(cursor, table, refusals)
    for _, statement in ddl.index_statements(table):
        cursor.execute(statement.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1))
    for statement in ddl.comments(table):
        cursor.execute(statement)
    for grant in table_grants():
        role, privilege = grant.split(" ")
        cursor.execute(f"GRANT {privilege} ON {ddl.qualified(table)} TO {ddl.ident(role)}")


def _evolve_columns(cursor: Any, table: Table, refusals: list[str]) -> Iterator[str]:
    have, name = column_state(cursor, ddl.qualified(table)), f"{table.dataset}.{table.name}"
    cursor.execute(f"SELECT EXISTS (SELECT FROM {ddl.qualified(table)})")
    (filled,) = cursor.fetchone()
    refusals += [
        f"{name} has a column {unknown} that the catalogue lacks; dropping it would lose data. "
        "Declare it again, or drop it by hand."
        for unknown in have
        if unknown not in table.by_name
    ]
    order = [c for c in have if c in table.by_name] + [c for c in table.column_names if c not in have]
    if order != list(table.column_names):
        refusals.append(
            f"{name}: add new columns after {list(have)[-1]}, the last one; PostgreSQL cannot reorder."
        )
    for column in table.columns:
        wanted = ColumnState(column.type.catalog, not column.nullable)
        found = have.get(column.name)
        if found is None:
            if filled and not column.nullable:
                refusals.append(
                    f"{name}.{column.name} is new and NOT NULL, but the table has rows; make it nullable."
                )
            else:
                cursor.execute(f"ALTER TABLE {ddl.qualified(table)} ADD COLUMN {ddl.column_sql(column)}")
                yield f"added {name}.{column.name}"
        elif found.type != wanted.type:
            refusals.append(
                f"{name}.{column.name} is {found.type}, the catalogue says {wanted.type}; converting may lose data. "
                "Add a new column instead."
            )
        elif found.not_null != wanted.not_null:
            yield from _set_null(cursor, table, column.name, wanted.not_null, refusals)


def _set_null(cursor: Any, table: Table, column: str, not_null: bool, refusals: list[str]) -> Iterator[str]:
    action, name = "SET" if not_null else "DROP", f"{table.dataset}.{table.name}.{column}"
    cursor.execute(f"SELECT count(*) FROM {ddl.qualified(table)} WHERE {ddl.ident(column)} IS NULL")
    (nulls,) = cursor.fetchone()
    if not_null and nulls:
        refusals.append(f"{name} is to be NOT NULL, but {nulls} row(s) are NULL.")
        return
    cursor.execute(f"ALTER TABLE {ddl.qualified(table)} ALTER COLUMN {ddl.ident(column)} {action} NOT NULL")
    yield f"{action.lower()} not null on {name}"


def _evolve_constraints(cursor: Any, table: Table, refusals: list[str]) -> Iterator[str]:
    """Constraints of the catalogue's names are made what the catalogue says; others are somebody's own and stay."""
    have, wanted = constraint_state(cursor, ddl.qualified(table)), expected_state(cursor, table)
    for name, definition in ddl.constraints(table):
        if have.get(name) == wanted[name]:
            continue
        cursor.execute("SAVEPOINT constraint_change")
        try:
            if name in have:
                cursor.execute(f"ALTER TABLE {ddl.qualified(table)} DROP CONSTRAINT {ddl.ident(name)}")
            cursor.execute(
                f"ALTER TABLE {ddl.qualified(table)} ADD CONSTRAINT {ddl.ident(name)} {definition}"
            )
        except (psycopg2.IntegrityError, psycopg2.errors.DependentObjectsStillExist) as error:
            cursor.execute("ROLLBACK TO SAVEPOINT constraint_change")
            reason = error.diag.message_primary or "it is in use"
            refusals.append(f"{table.dataset}.{table.name}: constraint {name} cannot be changed: {reason}.")
            continue
        yield f"{'changed' if name in have else 'added'} constraint {table.dataset}.{name}"
