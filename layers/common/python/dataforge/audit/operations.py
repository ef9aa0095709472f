"""The operations that are audited, and the logins that may record each of them."""

from __future__ import annotations

from typing import Final, Literal

from dataforge.postgres import roles
from dataforge.postgres.sql import Sql

Result = Literal["started", "applied", "succeeded", "failed", "refused"]
"""``applied``: a restore has replaced the rows, before its safety backup is written. ``refused``: nothing was done."""

PrincipalKind = Literal["execution", "api_key", "stack", "invocation"]
"""``execution``: of a state machine, by its ARN. ``api_key``: by the id that API Gateway vouches for. ``stack``: a
deployment, by the ARN of the CloudFormation stack. ``invocation``: of the schema function, by Lambda's id of the request.
"""


class Operation:
    """Names of operations. Persisted."""

    MIGRATION: Final = "migration"
    REPLAY: Final = "replay"
    REJECTION_EXPIRY: Final = "rejection_expiry"
    BACKUP: Final = "backup"
    VERIFICATION: Final = "verification"
    BACKUP_EXPIRY: Final = "backup_expiry"
    RESTORE: Final = "restore"
    EXPORT: Final = "export"
    REQUEST: Final = "request"
    SCHEMA_APPLY: Final = "schema_apply"
    REPAIR: Final = "repair"
    CURSOR_KEY: Final = "cursor_key"
    API_KEY: Final = "api_key"
    AUDIT_EXPIRY: Final = "audit_expiry"


RECORDED_BY: dict[Sql, tuple[PrincipalKind, tuple[str, ...]]] = {
    roles.MIGRATE: (
        "execution",
        (Operation.MIGRATION, Operation.REPLAY, Operation.REJECTION_EXPIRY),
    ),
    roles.BACKUP: ("execution", (Operation.BACKUP, Operation.VERIFICATION, Operation.BACKUP_EXPIRY)),
    roles.RESTORE: ("execution", (Operation.RESTORE,)),
    roles.EXPORT: ("execution", (Operation.EXPORT,)),
    roles.INGEST: ("api_key", (Operation.REQUEST,)),
    roles.DELIVER: ("api_key", (Operation.REQUEST, Operation.BACKUP, Operation.RESTORE, Operation.EXPORT)),
}
"""Of each login, the kind of its principals and its operations. The schema applier records all others, as the master.

The operations function has no login: the deliver function records its requests."""
