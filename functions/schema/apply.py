"""Bring a database to what the catalogue declares: additive changes only, in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
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
from dataforge.shadow import attempt
from functions.schema.difference import (
    LEDGER,
    LEDGER_TABLES,
    Shape,
    expected_dataset,
    expected_ledger,
    shapes,
)
from functions.schema.evolve import Evolution
from functions.schema.fault import Fault
from functions.schema.logins import NO_LIMITS, Limits, known_roles, role_faults
from functions.schema.rights import database_faults, owner_faults, right_faults
from functions.schema.visibility import row_security_faults

_LOCK = 4_207_312_311
"""Key of the advisory lock: two deploys never change the schema at once."""
_PATIENCE = 420
"""Seconds for which an apply waits for another. With the time for connecting it leaves a minute of the function's twelve."""

OLDEST = 18
"""PostgreSQL's major version from which a backslash and a dot in a CSV are text, and bytea can be cast to a number."""

Change = Iterator[str]


def apply(
    db: Connection,
    passwords: Mapping[str, str | None],
    datasets: Iterable[Dataset] = DATASETS.values(),
    limits: Limits = NO_LIMITS,
) -> dict[str, Any]:
    """Create, evolve or mend roles, rights, Data Forge's own tables and the datasets. ``db`` is the master's connection.

    ``passwords``: each login role's password, or None where IAM signs it in. ``limits``: how many connections each may have.
    Returns what was changed. Repeating it changes nothing. Raises ``SchemaRefused`` naming everything that would lose data,
    that existing rows contradict or that the master may not repair; nothing is changed then.
    """
    require_version(db.info.server_version)
    datasets = list(datasets)
    changes: list[str] = []
    with transaction(db) as cursor:
        # What makes transactions read-only by default is among what is mended.
        cursor.execute("SET TRANSACTION READ WRITE")
        _wait_for_others(cursor)
        changes += _mend(cursor, (f for f in role_faults(cursor) if f.code == "missing_role"))
        _apply_logins(cursor, passwords)
        changes += _mend(cursor, (*role_faults(cursor, limits), *database_faults(cursor)))
        cursor.execute(ROLE_SQL[0])
        blocking = (*owner_faults(cursor, datasets), *row_security_faults(cursor, datasets))
        _refuse([f"{f.detail} Its way out: {f.by_hand}." for f in blocking])
        cursor.execute(f"SET LOCAL ROLE {ddl.ident(OWNER)}")
        changes += _mend(cursor, right_faults(cursor))
        refusals: list[str] = []
        changes += _apply_ledger(cursor, refusals)
        for dataset in datasets:
            changes += _apply_dataset(cursor, dataset, refusals)
        _refuse(refusals)
        _refuse(_left(cursor, limits))
    return {"changes": changes}


def _wait_for_others(cursor: Any) -> None:
    """Wait until no other apply runs, also one whose caller is gone. What it did is then found done."""
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_PATIENCE}s",))
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    cursor.execute(
        "SELECT set_config('lock_timeout', reset_val || unit, true) FROM pg_settings WHERE name = 'lock_timeout'"
    )


def require_version(number: int) -> None:
    """Raise ``SchemaRefused`` if the server's version, as ``server_version_num`` tells it, is too old."""
    if number < OLDEST * 10_000:
        raise SchemaRefused(
            f"Data Forge needs PostgreSQL {OLDEST} or newer, and this server is PostgreSQL {number // 10_000}. "
            "Upgrade it, or deploy without existingDatabase."
        )


def _refuse(reasons: list[str]) -> None:
    if reasons:
        raise SchemaRefused("The schema was left as it is: " + " ".join(reasons))


def _mend(cursor: Any, faults: Iterable[Fault]) -> Change:
    """Execute what mends the faults, and yield it. What the role in charge may not do is found again in the end."""
    for fault in list(faults):
        with attempt(cursor, psycopg2.errors.InsufficientPrivilege) as failed:
            for statement in fault.mend:
                cursor.execute(statement)
        if not failed:
            yield from fault.mend


def _left(cursor: Any, limits: Limits) -> list[str]:
    faults = (*role_faults(cursor, limits), *database_faults(cursor), *right_faults(cursor))
    return [
        f"{f.detail} The master may not mend it; a superuser can: {'; '.join(f.mend)}."
        for f in faults
        if f.mend
    ]


def _apply_logins(cursor: Any, passwords: Mapping[str, str | None]) -> None:
    """Let the master become the owner, and each login sign in.

    Passwords are hashed here: the server's log may show statements, but never a password.
    """
    cursor.execute(f"GRANT {ddl.ident(OWNER)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    known = known_roles(cursor)
    for role in LOGINS:
        if (password := passwords.get(role)) is not None:
            hashed = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            cursor.execute(f"ALTER ROLE {ddl.ident(role)} PASSWORD %s", (hashed,))
        elif "rds_iam" in known:
            cursor.execute(f"GRANT rds_iam TO {ddl.ident(role)}")
        else:
            raise SchemaRefused(
                "IAM authentication needs Amazon RDS (there is no role rds_iam). Deploy with -c auth=secret instead."
            )


def _apply_ledger(cursor: Any, refusals: list[str]) -> Change:
    """Data Forge's own tables; a later version's columns are let be, so that an earlier one can be deployed again."""
    before, want = shapes(cursor, LEDGER), expected_ledger(cursor)
    creations = dict(zip(LEDGER_TABLES, (s for s in INTERNAL if s.startswith("CREATE TABLE")), strict=True))
    cursor.execute(INTERNAL[0])
    for name, statement in creations.items():
        with attempt(cursor, psycopg2.ProgrammingError) as failed:
            if name not in before:
                cursor.execute(statement)
                yield f"created {LEDGER}.{name}"
            else:
                yield from _evolve(cursor, (LEDGER, name), before[name], want[name], refusals, closed=False)
        refusals += [f"{LEDGER}.{name} cannot be mended: {error}." for error in failed]
    _refuse(refusals)
    for statement in (*INTERNAL, *ROLE_SQL[1:]):
        cursor.execute(statement)


def _apply_dataset(cursor: Any, dataset: Dataset, refusals: list[str]) -> Change:
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {ddl.ident(dataset.name)}")
    cursor.execute(f"GRANT USAGE ON SCHEMA {ddl.ident(dataset.name)} TO {', '.join(LOGINS)}")
    before, want = shapes(cursor, dataset.name), expected_dataset(cursor, dataset)
    for table in (dataset.table(name) for wave in dataset.waves() for name in wave):
        done: list[str] = []
        with attempt(cursor, psycopg2.ProgrammingError) as failed:
            if table.name not in before:
                cursor.execute(ddl.create_table(table))
                done.append(f"created {dataset.name}.{table.name}")
            have = before.get(table.name) or replace(want[table.name], constraints={})
            done += _evolve(cursor, (dataset.name, table.name), have, want[table.name], refusals, closed=True)
            _complete(cursor, table, new=table.name not in before)
        # What a parent was refused is missing here; that refusal is told already.
        if failed and not refusals:
            raise failed[0]
        yield from done


def _complete(cursor: Any, table: Table, *, new: bool) -> None:
    """A new table's indexes, and every table's comments and grants."""
    for _, statement in ddl.index_statements(table) if new else ():
        cursor.execute(statement)
    for statement in ddl.comments(table):
        cursor.execute(statement)
    for grant in table_grants():
        role, privilege = grant.split(" ")
        cursor.execute(f"GRANT {privilege} ON {ddl.qualified(table)} TO {ddl.ident(role)}")


def _evolve(
    cursor: Any, name: tuple[str, str], have: Shape, want: Shape, refusals: list[str], *, closed: bool
) -> Change:
    """Mend a table that exists. Its constraints wait until its columns are right."""
    if have.kind not in ("r", "p"):
        refusals.append(f"{'.'.join(name)} is not a table; give it another name.")
        return
    before, evolution = len(refusals), Evolution(cursor, name, have, want, refusals)
    yield from evolution.columns(closed=closed)
    if len(refusals) == before:
        yield from evolution.constraints()
        yield from evolution.indexes()
