"""Bring a database to what the catalogue declares: additive changes only, in one transaction, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.errors
from psycopg2.extensions import encrypt_password

from dataforge.errors import SchemaRefused
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import LOGINS, OWNER, ROLE_SQL
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, ident
from dataforge.runs.ledger_tables import INTERNAL
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.dataset import apply_dataset, evolve
from functions.schema.apply.statements import done, reason
from functions.schema.apply.subject import Outcome
from functions.schema.difference import (
    LEDGER,
    LEDGER_TABLES,
    expected_ledger,
    shapes,
)
from functions.schema.doctor.fault import Fault
from functions.schema.doctor.logins import NO_LIMITS, Limits, known_roles, role_faults
from functions.schema.doctor.master import stay_apart
from functions.schema.doctor.rights import database_faults, owner_faults, right_faults
from functions.schema.doctor.visibility import row_security_faults
from functions.schema.queued import queue
from functions.schema.size import LARGE_ROWS

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_LOCK = 4_207_312_311
"""Key of the advisory lock: two deploys never change the schema at once."""
_PATIENCE = 420
"""Seconds for which an apply waits for another. With the time for connecting it leaves a minute of the function's twelve."""

OLDEST = 18
"""PostgreSQL's major version from which a backslash and a dot in a CSV are text, and bytea can be cast to a number."""

Change = Iterator[str]
_ADDITION = re.compile(r"(?:CREATE (?:UNIQUE )?INDEX IF NOT EXISTS \w+ ON|ALTER TABLE) dataforge\.(\w+)")


def apply(
    db: Connection,
    passwords: Mapping[str, str | None],
    datasets: Iterable[Dataset] = DATASETS.values(),
    limits: Limits = NO_LIMITS,
    large_rows: int = LARGE_ROWS,
) -> dict[str, Any]:
    """Create, evolve or mend roles, rights, Data Forge's own tables and the datasets. ``db`` is the master's connection.

    ``passwords``: each login role's password, or None where IAM signs it in. ``limits``: how many connections each may have.
    Returns what was changed (``changes``) and, if there is any, what is left for the upkeep of tables with ``large_rows``
    rows or more (``later``). Repeating it changes nothing. Raises ``SchemaRefused`` naming everything that would lose data,
    that existing rows contradict or that the master may not repair; nothing is changed then.
    """
    require_version(db.info.server_version)
    try:
        return _apply(db, passwords, list(datasets), limits, large_rows)
    except psycopg2.Error as error:
        # What no step foresaw: it has no table's name, but nor has it a row's value, a statement or a traceback.
        raise SchemaRefused(f"The schema was left as it is: {reason(error)}.") from None


def _apply(
    db: Connection,
    passwords: Mapping[str, str | None],
    datasets: list[Dataset],
    limits: Limits,
    large_rows: int,
) -> dict[str, Any]:
    changes: list[str] = []
    outcome = Outcome(large_rows)
    with transaction(db) as cursor:
        # What makes transactions read-only by default is among what is mended.
        cursor.execute("SET TRANSACTION READ WRITE")
        _wait_for_others(cursor)
        stay_apart(cursor)
        changes += _mend(cursor, (f for f in role_faults(cursor) if f.code == "missing_role"))
        _apply_logins(cursor, passwords)
        changes += _mend(cursor, (*role_faults(cursor, limits), *database_faults(cursor)))
        cursor.execute(ROLE_SQL[0])
        blocking = (*owner_faults(cursor, datasets), *row_security_faults(cursor, datasets))
        _refuse([f"{f.detail} Its way out: {f.by_hand}." for f in blocking])
        cursor.execute(Sql("SET LOCAL ROLE {}").format(ident(OWNER)))
        changes += _mend(cursor, right_faults(cursor))
        changes += _apply_ledger(cursor, outcome)
        for dataset in datasets:
            changes += apply_dataset(cursor, dataset, outcome)
        _refuse(outcome.refusals)
        _refuse(_left(cursor, limits))
        later = queue(cursor, outcome.later)
    return {"changes": changes} | ({"later": later} if later else {})


def _wait_for_others(cursor: Cursor) -> None:
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


def _mend(cursor: Cursor, faults: Iterable[Fault]) -> Change:
    """Execute what mends the faults, and yield it. What the role in charge may not do is found again in the end."""
    for fault in list(faults):
        with attempt(cursor, psycopg2.errors.InsufficientPrivilege) as failed:
            for statement in fault.mend:
                cursor.execute(statement)
        if not failed:
            yield from fault.mend


def _left(cursor: Cursor, limits: Limits) -> list[str]:
    faults = (*role_faults(cursor, limits), *database_faults(cursor), *right_faults(cursor))
    return [
        f"{f.detail} The master may not mend it; a superuser can: {'; '.join(f.mend)}."
        for f in faults
        if f.mend
    ]


def _apply_logins(cursor: Cursor, passwords: Mapping[str, str | None]) -> None:
    """Let the master become the owner, and each login sign in.

    Passwords are hashed here: the server's log may show statements, but never a password.
    """
    cursor.execute(Sql("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(ident(OWNER)))
    known = known_roles(cursor)
    for role in LOGINS:
        if (password := passwords.get(role)) is not None:
            hashed = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            cursor.execute(Sql("ALTER ROLE {} PASSWORD %s").format(ident(role)), (hashed,))
        elif "rds_iam" in known:
            cursor.execute(Sql("GRANT rds_iam TO {}").format(ident(role)))
        else:
            raise SchemaRefused(
                "IAM authentication needs Amazon RDS (there is no role rds_iam). Deploy with -c auth=secret instead."
            )


def _apply_ledger(cursor: Cursor, outcome: Outcome) -> Change:
    """Data Forge's own tables; a later version's columns are let be, so that an earlier one can be deployed again."""
    before, want = shapes(cursor, LEDGER), expected_ledger(cursor)
    creations = dict(zip(LEDGER_TABLES, (s for s in INTERNAL if s.startswith("CREATE TABLE")), strict=True))
    cursor.execute(INTERNAL[0])
    for name, statement in creations.items():
        if name in before:
            yield from evolve(cursor, (LEDGER, name), before[name], want[name], outcome)
        elif done(cursor, f"{LEDGER}.{name} cannot be made", statement, outcome.refusals):
            yield f"created {LEDGER}.{name}"
    _refuse(outcome.refusals)
    for statement in (*INTERNAL, *ROLE_SQL[1:]):
        # Columns and indexes of tables that exist are made, or left for later, with their tables: even where nothing is
        # to be done, the statement would wait for everybody who uses the table.
        if not (addition := _ADDITION.match(statement)) or addition[1] not in before:
            cursor.execute(statement)
