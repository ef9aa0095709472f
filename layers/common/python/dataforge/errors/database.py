"""Failures of the database and of AWS services."""

from __future__ import annotations

from http import HTTPStatus

from dataforge.errors.base import DataForgeError, Temporary


class DiskFull(DataForgeError):
    """The database has no free storage; nothing was committed.

    No step is repeated: RDS takes minutes to grow its storage, and then refuses to grow it again for six hours. A run that
    fails frees its storage at once.
    """

    code = "DiskFull"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 60
    hint = "Increase the storage (on AWS: maxStorageGigabytes) or delete data that is not needed, then start again."
    for_callers = (
        "The database has no free storage, and nothing was stored. Send the request again after its operator has increased"
        " the storage."
    )

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database has no free storage: {reason}.")


class StatementFailed(DataForgeError):
    """PostgreSQL rejected a statement, and no other code describes the reason."""

    code = "StatementFailed"
    hint = "Read the log of the function, which has the position."

    def __init__(self, what: str) -> None:
        """``what`` contains names only, no values."""
        super().__init__(f"The database rejected a statement: {what}.")


class Unavailable(Temporary):
    """The database or an AWS service is unavailable, or the connection was lost; nothing was committed."""

    code = "Unavailable"
    for_callers = (
        "The database is unavailable or has no free connection. Send the request again after Retry-After."
    )

    in_doubt = False
    """Whether the connection was lost during COMMIT, so that the transaction may have been committed."""


class NoCursorKey(DataForgeError):
    """The ledger has no key that signs cursors."""

    code = "NoCursorKey"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    hint = "Run dataforge doctor --repair, which creates one."
    for_callers = "The service cannot create the cursor of the next page. Its operator must repair it."

    def __init__(self) -> None:
        super().__init__("The table dataforge.cursor_keys has no key.")


class Busy(Temporary):
    """A lock timed out, a deadlock was resolved, or the service is overloaded."""

    code = "Busy"
    hint = "Try again later."


class OutOfMemory(Temporary):
    """The database ran out of memory; nothing was committed."""

    code = "OutOfMemory"
    hint = "Start again when fewer runs are active, or choose a larger instance class."
