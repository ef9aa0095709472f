"""Change a database to what the catalogue declares: additive changes only, all of them in one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.errors
from psycopg2.extensions import encrypt_password

from dataforge.audit.operations import Operation
from dataforge.errors import SchemaRefused
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import LEDGER_OWNER, LOGINS, MEMBERSHIPS, OWNER, OWNERS, ROLE_SQL
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, ident
from dataforge.runs.ledger_tables import INTERNAL
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.created import record_created
from functions.schema.apply.dataset import evolve, plan_dataset
from functions.schema.apply.separate import separate
from functions.schema.apply.statement import run
from functions.schema.apply.statements import execute, reason
from functions.schema.apply.steps import STATEMENTS
from functions.schema.apply.subject import Outcome
from functions.schema.audit import Applicant, record, record_applied
from functions.schema.cursor_keys import renew
from functions.schema.difference import (
    LEDGER,
    LEDGER_TABLES,
    expected_ledger,
    shapes,
)
from functions.schema.doctor.finding import Finding
from functions.schema.doctor.logins import NO_LIMITS, Limits, known_roles, role_findings
from functions.schema.doctor.master import leave_logins
from functions.schema.doctor.public import public_findings
from functions.schema.doctor.rights import database_findings, owner_findings, right_findings
from functions.schema.doctor.visibility import row_security_findings
from functions.schema.plan import require_planned
from functions.schema.queued import queue
from functions.schema.server_version import require_version
from functions.schema.size import LARGE_ROWS

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_APPLYING = Sql("dataforge_applying")
"""The schema that serializes deployments: each creates and drops it, and the second waits for the name. Only roles that may
create schemas in the database can delay it, so none of a function."""
_PATIENCE = 420
"""Seconds that an apply waits for another one; after connecting, a minute of the function's twelve remains."""

Change = Iterator[str]
NOBODY = Applicant()
_ADDITION = re.compile(r"(?:CREATE (?:UNIQUE )?INDEX IF NOT EXISTS \w+ ON|ALTER TABLE) dataforge\.(\w+)")


def apply(
    db: Connection,
    passwords: Mapping[str, str | None],
    datasets: Iterable[Dataset] = DATASETS.values(),
    limits: Limits = NO_LIMITS,
    large_rows: int = LARGE_ROWS,
    planned: str = "",
    applicant: Applicant = NOBODY,
    *,
    contract: bool = True,
) -> dict[str, Any]:
    """Create, change or repair roles, privileges, Data Forge's own tables and the datasets.

    ``db``: the master's connection. ``passwords``: of each login role; None with IAM authentication. ``limits``: the
    connections of each login. ``planned``: the fingerprint of the plan that must still hold. ``applicant``: for the audit.
    ``contract``: also withdraw what only functions of an earlier version need, which a deployment has replaced by then.

    Returns ``changes`` and, for tables with ``large_rows`` rows or more, the changes queued for the upkeep (``later``).
    Idempotent. Raises ``SchemaRefused`` with every change that would lose data, that existing rows
    violate or that the master may not make; then nothing is changed.
    """
    require_version(db.info.server_version)
    try:
        applied = _apply(
            db, passwords, list(datasets), limits, Outcome(large_rows), planned, applicant, contract=contract
        )
        moved = list(separate(db)) if contract else []
    except psycopg2.Error as error:
        # An error that no step handles. The message must contain no value of a row, statement or traceback.
        raise SchemaRefused(f"The schema was not changed: {reason(error)}.") from None
    return applied | {"changes": applied["changes"] + moved}


def _apply(
    db: Connection,
    passwords: Mapping[str, str | None],
    datasets: list[Dataset],
    limits: Limits,
    outcome: Outcome,
    planned: str,
    applicant: Applicant,
    *,
    contract: bool,
) -> dict[str, Any]:
    changes: list[str] = []
    former = set() if contract else {"former_grant"}
    with transaction(db) as cursor:
        # Read-only transactions by default are one of the findings that are fixed below.
        cursor.execute("SET TRANSACTION READ WRITE")
        _wait_for_others(cursor)
        leave_logins(cursor)
        changes += _fix(cursor, (f for f in role_findings(cursor) if f.code == "missing_role"))
        _apply_logins(cursor, passwords)
        findings = (*role_findings(cursor, limits), *database_findings(cursor))
        changes += _fix(cursor, (f for f in findings if f.code not in former))
        if contract:
            changes += _fix(cursor, public_findings(cursor))
        blocking = (*owner_findings(cursor, datasets), *row_security_findings(cursor, datasets))
        _refuse([f"{f.detail} Hint: {f.hint}." for f in blocking if f.code != "former_owner"])
        changes += _fix(cursor, (f for f in right_findings(cursor) if f.code not in former))
        _become(cursor, _ledger_owner(cursor))
        changes += _apply_ledger(cursor, outcome)
        for change in renew(cursor):
            record(cursor, applicant, Operation.CURSOR_KEY, "succeeded", {})
            changes.append(change)
        _become(cursor, OWNER)
        for statement in STATEMENTS:
            cursor.execute(statement)
        changes += _apply_datasets(cursor, datasets, outcome, planned)
        _become(cursor, Sql("none"))
        _refuse(outcome.refusals)
        _refuse(_remaining(cursor, limits, former))
        record_created(cursor, datasets)
        later = queue(cursor, outcome.later)
        record_applied(cursor, applicant, changes, later)
    return {"changes": changes} | ({"later": later} if later else {})


def _become(cursor: Cursor, role: Sql) -> None:
    """Act as the role until the transaction ends; as the master again with ``none``."""
    cursor.execute(Sql("SET LOCAL ROLE {}").format(role))


def _ledger_owner(cursor: Cursor) -> Sql:
    """The owner of the ledger: that of the datasets after a deployment of an earlier version."""
    cursor.execute(
        "SELECT FROM pg_namespace WHERE nspname = %s AND nspowner = to_regrole(%s)", (LEDGER, OWNER)
    )
    return LEDGER_OWNER if cursor.fetchone() is None else OWNER


def _apply_datasets(
    cursor: Cursor, datasets: Iterable[Dataset], outcome: Outcome, planned: str
) -> Iterator[str]:
    """Compute the statements of all datasets, compare them with the plan, then execute them."""
    chosen, first = list(datasets), len(outcome.statements)
    for dataset in chosen:
        plan_dataset(cursor, dataset, outcome)
    if planned:
        require_planned(cursor, planned, chosen, outcome)
    yield from run(cursor, outcome.statements[first:], outcome.refusals)


def _wait_for_others(cursor: Cursor) -> None:
    """Wait until no other apply runs, including one whose caller has ended."""
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_PATIENCE}s",))
    # Without the privilege the apply is refused later, with the statement that grants it.
    with attempt(cursor, psycopg2.errors.InsufficientPrivilege):
        cursor.execute(Sql("CREATE SCHEMA {0}; DROP SCHEMA {0}").format(_APPLYING))
    cursor.execute(
        "SELECT set_config('lock_timeout', reset_val || unit, true) FROM pg_settings WHERE name = 'lock_timeout'"
    )


def _refuse(reasons: list[str]) -> None:
    if reasons:
        raise SchemaRefused("The schema was not changed: " + " ".join(reasons))


def _fix(cursor: Cursor, findings: Iterable[Finding]) -> Change:
    """Execute the fixes and yield them. ``_remaining`` reports those for which the current role lacks privileges."""
    for finding in list(findings):
        with attempt(cursor, psycopg2.errors.InsufficientPrivilege) as failed:
            for statement in finding.fixes:
                cursor.execute(statement)
        if not failed:
            yield from finding.fixes


def _remaining(cursor: Cursor, limits: Limits, former: set[str]) -> list[str]:
    findings = (*role_findings(cursor, limits), *database_findings(cursor), *right_findings(cursor))
    return [
        f"{f.detail} The master lacks the privilege to fix it. Hint: as a superuser, run {'; '.join(f.fixes)}."
        for f in findings
        if f.fixes and f.code not in former
    ]


def _apply_logins(cursor: Cursor, passwords: Mapping[str, str | None]) -> None:
    """Allow the master to become the owners, owners and runs what they need, and each login to sign in.

    Passwords are hashed here, because the server may log statements.
    """
    for owner in OWNERS:
        cursor.execute(Sql("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(ident(owner)))
    for statement in MEMBERSHIPS.values():
        cursor.execute(statement)
    known = known_roles(cursor)
    for role in LOGINS:
        if (password := passwords.get(role)) is not None:
            hashed = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            cursor.execute(Sql("ALTER ROLE {} PASSWORD %s").format(ident(role)), (hashed,))
        elif "rds_iam" in known:
            cursor.execute(Sql("GRANT rds_iam TO {}").format(ident(role)))
        else:
            raise SchemaRefused(
                "IAM authentication needs Amazon RDS: the role rds_iam does not exist.",
                hint="Deploy with -c auth=secret.",
            )


def _apply_ledger(cursor: Cursor, outcome: Outcome) -> Change:
    """Create or change Data Forge's own tables. Columns of a later version stay, so that it can be rolled back."""
    before, want = shapes(cursor, LEDGER), expected_ledger(cursor)
    creations = dict(zip(LEDGER_TABLES, (s for s in INTERNAL if s.startswith("CREATE TABLE")), strict=True))
    cursor.execute(INTERNAL[0])
    for name, statement in creations.items():
        if name in before:
            yield from evolve(cursor, (LEDGER, name), before[name], want[name], outcome)
        elif refusal := execute(cursor, f"{LEDGER}.{name} cannot be created", statement):
            outcome.refusals.append(refusal)
        else:
            yield f"created {LEDGER}.{name}"
    _refuse(outcome.refusals)
    for statement in (*INTERNAL, *ROLE_SQL):
        # ``evolve`` adds the columns and indexes of existing tables. Executing the statement again would wait for locks
        # even if it changes nothing.
        if not (addition := _ADDITION.match(statement)) or addition[1] not in before:
            cursor.execute(statement)
