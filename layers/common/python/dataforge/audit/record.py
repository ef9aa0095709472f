"""Append entries to the audit: a row of the table and, once it is committed, a log line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataforge.audit.operations import Result
from dataforge.aws.telemetry import make_logger
from dataforge.postgres.connection import after_commit
from dataforge.postgres.rows import one_row

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


logger = make_logger("audit")

_MOST_NAMED = 100


@dataclass(frozen=True)
class Entry:
    """An entry as a function records it.

    ``principal``: the ARN of an execution, or the id of an API key that the gateway vouches for.
    ``operation``: empty for the end of an execution, whose start has it. ``requested_by``: what the caller states.
    ``object``: names and ids, no content of records. ``error``: the code of a failure.
    """

    result: Result
    principal: str
    operation: str = ""
    dataset: str | None = None
    object: Mapping[str, Any] = field(default_factory=dict)
    requested_by: str | None = None
    error: str | None = None


def record(cursor: Cursor, entry: Entry) -> None:
    """Append the entry in the cursor's transaction. Idempotent for an execution: of equal entries, the first is stored."""
    cursor.execute(
        "SELECT dataforge.record_audit(%s, %s, %s, %s, %s, %s, %s)",
        (
            entry.operation,
            entry.result,
            entry.principal,
            entry.requested_by,
            entry.dataset,
            json.dumps(entry.object),
            entry.error,
        ),
    )
    (stored,) = one_row(cursor)
    if stored:
        after_commit(cursor, lambda: log(stored))


def named(tables: Iterable[str]) -> dict[str, Any]:
    """The tables of an operation, for an entry's ``object``."""
    names = list(tables)
    more = {"table_count": len(names)} if len(names) > _MOST_NAMED else {}
    return {"tables": names[:_MOST_NAMED], **more}


def log(stored: Mapping[str, Any]) -> None:
    """Write the log line of an entry, by the columns of its row. The field ``service`` of audit's lines is "audit"."""
    logger.info("audit", extra={name: value for name, value in stored.items() if value is not None})
