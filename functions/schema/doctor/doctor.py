"""Check roles, privileges and tables, and report each finding with a hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataforge.postgres.connection import transaction
from dataforge.tables.datasets import DATASETS
from functions.schema.cursor_keys import cursor_key_findings
from functions.schema.doctor.finding import REPAIR, Finding
from functions.schema.doctor.logins import NO_LIMITS, Limits, SignIn, role_findings, sign_in_findings
from functions.schema.doctor.public import public_findings
from functions.schema.doctor.rights import (
    database_findings,
    function_findings,
    owner_findings,
    right_findings,
)
from functions.schema.doctor.tables import left_over_findings, own_objects, table_findings
from functions.schema.doctor.unsafe import setting_findings
from functions.schema.doctor.visibility import visibility_findings
from functions.schema.server_version import OLDEST, version_findings

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


__all__ = ["REPAIR", "examine", "list_own"]


def list_own(db: Connection) -> list[dict[str, str]]:
    """Each constraint and index that an owner added: its table, name and definition. Changes nothing."""
    with transaction(db) as cursor:
        return list(own_objects(cursor, DATASETS.values()))


def examine(
    db: Connection,
    passwords: Mapping[str, str | None] | None = None,
    sign_in: SignIn | None = None,
    limits: Limits = NO_LIMITS,
) -> list[dict[str, str]]:
    """Every finding, as ``Finding.report`` returns it; empty without findings. Changes nothing.

    ``db``: the master's connection. ``passwords``: of each role; None with IAM authentication. With ``sign_in``, the
    sign-in of each role without findings is tried. ``limits``: the connections of each login.
    """
    version = list(version_findings(db.info.server_version))
    if db.info.server_version < OLDEST * 10_000:
        return [finding.report() for finding in version]
    with transaction(db) as cursor:
        # The declared tables are created for comparison and rolled back, which needs a read-write transaction.
        cursor.execute("SET TRANSACTION READ WRITE")
        findings: list[Finding] = [*role_findings(cursor, limits)]
        unsound = {finding.object for finding in findings}
        findings += [
            *version,
            *setting_findings(cursor),
            *database_findings(cursor),
            *public_findings(cursor),
            *right_findings(cursor),
            *function_findings(cursor),
            *owner_findings(cursor, DATASETS.values()),
            *visibility_findings(cursor, DATASETS.values()),
            *table_findings(cursor),
            *left_over_findings(cursor),
            *cursor_key_findings(cursor),
        ]
    if passwords and sign_in:
        findings += sign_in_findings({r: p for r, p in passwords.items() if r not in unsound}, sign_in)
    return [finding.report() for finding in findings]
