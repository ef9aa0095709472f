"""The doctor: what is wrong with roles, rights and tables, by name, with the way out of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataforge.postgres.connection import transaction
from dataforge.tables.datasets import DATASETS
from functions.schema.doctor.fault import REPAIR, Fault
from functions.schema.doctor.logins import NO_LIMITS, Limits, SignIn, role_faults, sign_in_faults
from functions.schema.doctor.rights import database_faults, owner_faults, right_faults
from functions.schema.doctor.tables import left_over_faults, table_faults
from functions.schema.doctor.unsafe import setting_faults
from functions.schema.doctor.visibility import visibility_faults

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


__all__ = ["REPAIR", "examine"]


def examine(
    db: Connection,
    passwords: Mapping[str, str | None] | None = None,
    sign_in: SignIn | None = None,
    limits: Limits = NO_LIMITS,
) -> list[dict[str, str]]:
    """Every finding as {"code", "object", "detail", "hint"}; none means healthy. Changes nothing.

    ``db`` is the master's connection. With ``passwords`` (None for a role that IAM signs in) and ``sign_in``, each role
    that looks sound must also be let in by its password. ``limits``: how many connections each may have.
    """
    with transaction(db) as cursor:
        # The tables to compare with are made and rolled back, even where transactions are read-only by default.
        cursor.execute("SET TRANSACTION READ WRITE")
        faults: list[Fault] = [*role_faults(cursor, limits)]
        unsound = {fault.object for fault in faults}
        faults += [
            *setting_faults(cursor),
            *database_faults(cursor),
            *right_faults(cursor),
            *owner_faults(cursor, DATASETS.values()),
            *visibility_faults(cursor, DATASETS.values()),
            *table_faults(cursor),
            *left_over_faults(cursor),
        ]
    if passwords and sign_in:
        faults += sign_in_faults({r: p for r, p in passwords.items() if r not in unsound}, sign_in)
    return [fault.finding() for fault in faults]
