"""Append entries to the audit: a row of the table and, once it is committed, a log line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dataforge.audit.entry import Entry, log
from dataforge.postgres.connection import after_commit
from dataforge.postgres.rows import one_row

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


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
