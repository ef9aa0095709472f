"""Audit of exports, which have no run in the ledger."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2

from dataforge.api.exports import ExportRequest
from dataforge.audit.entry import Entry, log
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.errors import DataForgeError
from dataforge.postgres.connection import connect, transaction
from dataforge.runs.inputs import Requester
from dataforge.settings import ExportSettings, read

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


class ExportInput(ExportRequest):
    """The input of the state machine: a request, and who sent it as the caller states it."""

    requested_by: Requester | None = None


def record_start(db: Connection, execution: str, export_id: str, request: ExportInput) -> None:
    """Record the export before its first row is read."""
    what = {"export_id": export_id, "tables": [request.table], "format": request.format}
    entry = Entry("started", execution, Operation.EXPORT, request.dataset, what, request.requested_by)
    with transaction(db) as cursor:
        record(cursor, entry)


def record_end(db: Connection, execution: str, rows: int) -> None:
    """Record that the files are complete."""
    with transaction(db) as cursor:
        record(cursor, Entry("succeeded", execution, object={"rows": rows}))


def record_failure(execution: str, error: str) -> None:
    """Record the failure. Without a database the log alone has it: the failure must still be explained."""
    if not execution:
        return
    try:
        with closing(connect(read(ExportSettings))) as db, transaction(db) as cursor:
            record(cursor, Entry("failed", execution, error=error))
    except (psycopg2.Error, DataForgeError):
        log({"operation": Operation.EXPORT, "result": "failed", "principal": execution, "error": error})
