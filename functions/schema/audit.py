"""Audit of the schema applier, which is the only one that also deletes expired entries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg2
from pydantic import TypeAdapter, ValidationError

from dataforge.api.body import read_body
from dataforge.audit.entry import log
from dataforge.audit.listing import AuditQuery, list_entries
from dataforge.audit.operations import Operation, PrincipalKind, Result
from dataforge.defaults import AUDIT_DAYS
from dataforge.errors import DataForgeError, InvalidInput
from dataforge.postgres.connection import after_commit, transaction
from dataforge.runs.inputs import Requester

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_MOST_CHANGES = 100
_INSERT = """
    INSERT INTO dataforge.audit (operation, result, principal_kind, principal, requested_by, object, error)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING to_jsonb(audit.*)
"""


@dataclass(frozen=True)
class Applicant:
    """The principal of an apply: the stack of a deployment, or an invocation of the schema function.

    ``requested_by``: as the caller of the invocation states it. ``days``: the age at which entries expire.
    """

    kind: PrincipalKind = "invocation"
    principal: str = ""
    requested_by: str | None = None
    days: int = AUDIT_DAYS

    @property
    def operation(self) -> str:
        """A deployment applies the schema; every other apply is a repair."""
        return Operation.SCHEMA_APPLY if self.kind == "stack" else Operation.REPAIR


_REQUESTER = TypeAdapter(Requester)


def read_applicant(given: Mapping[str, Any] | None, days: int) -> Applicant:
    """The applicant that the schema function passes on. Raises ``InvalidInput`` for an invalid ``requested_by``."""
    found = dict(given or {})
    if found.get("requested_by") is not None:
        try:
            _REQUESTER.validate_python(found["requested_by"])
        except ValidationError:
            raise InvalidInput(
                "requested_by is not a line of at most 300 visible ASCII characters."
            ) from None
    return Applicant(**found, days=days)


def read_audit(db: Connection, query: Any, before: int | None) -> dict[str, Any]:
    """A page of the audit: {"data": [...], "before": where the next page begins, or None}. Raises ``InvalidRequest``."""
    wanted = read_body(AuditQuery, query or {}, "The query is invalid; see errors.")
    with transaction(db) as cursor:
        page, following = list_entries(cursor, wanted, before)
    return {"data": list(map(json.loads, page)), "before": following}


def record_applied(cursor: Cursor, applicant: Applicant, changes: list[str], later: list[str]) -> None:
    """Record the apply with its changes, and delete expired entries. As the master."""
    what = {"changes": changes[:_MOST_CHANGES], "change_count": len(changes), "later": later[:_MOST_CHANGES]}
    record(cursor, applicant, applicant.operation, "succeeded", what)
    cursor.execute(
        "DELETE FROM dataforge.audit WHERE at < now() - make_interval(days => %s)", (applicant.days,)
    )
    if cursor.rowcount:
        expired = {"entries": cursor.rowcount, "older_than_days": applicant.days}
        record(cursor, applicant, Operation.AUDIT_EXPIRY, "succeeded", expired)


def record_failed(db: Connection, applicant: Applicant, error: DataForgeError) -> None:
    """Record that the apply changed nothing. Before the first deployment there is no table: only the log has the entry."""
    entry = {"operation": applicant.operation, "result": "failed", "error": error.code}
    try:
        with transaction(db) as cursor:
            record(cursor, applicant, applicant.operation, "failed", {}, error.code)
    except (psycopg2.Error, DataForgeError):
        log({**entry, "principal_kind": applicant.kind, "principal": applicant.principal})


def record(
    cursor: Cursor,
    applicant: Applicant,
    operation: str,
    result: Result,
    what: Mapping[str, Any],
    error: str | None = None,
) -> None:
    """Append an entry, unless the execution has it; its log line follows the commit."""
    values = (applicant.kind, applicant.principal, applicant.requested_by, json.dumps(what), error)
    cursor.execute(_INSERT, (operation, result, *values))
    for (stored,) in cursor.fetchall():
        after_commit(cursor, partial(log, stored))
