"""Lifecycle of a run: open its ledger row under leases, resume it, record why its workers failed, close it.

Migration, backup and restore share this code. A ``RunKind`` states what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry
from dataforge.audit.record import record
from dataforge.audit.refusal import known_code
from dataforge.aws.failures import Failure, caught, hides_a_worker
from dataforge.aws.situations import LEFT_BEHIND
from dataforge.errors import DataForgeError, Temporary
from dataforge.postgres.connection import get_db_resource, transaction
from dataforge.postgres.sql import Sql, ident
from dataforge.runs import leases
from dataforge.runs.unattended.work import end
from dataforge.settings import DatabaseSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


DONE = "done"
"""The status of a run that ``close_run`` closes after its success."""


@dataclass(frozen=True)
class RunKind:
    """A kind of run: where the ledger records it, and how it is closed.

    ``id_column``: of ``table``; also the name of the id in events and answers. ``clean_up`` runs in the transaction that
    closes a run. ``unfinished``: the status of a run whose remaining work a later execution can do; closing keeps it.
    ``items``: the ledger table of the work items, whose key is the run's id and ``item_key``.
    """

    table: str
    id_column: str
    scope: str
    role: Sql | None
    clean_up: Callable[[Cursor, str], None]
    unfinished: str = ""
    items: str = ""
    item_key: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, Sql]:
        """The identifiers for {table}, {id} and {items} of a statement."""
        return {"table": ident(self.table), "id": ident(self.id_column), "items": ident(self.items)}


def take_leases(cursor: Cursor, kind: RunKind, execution: str, dataset: str, tables: Iterable[str]) -> str:
    """Take the leases on all ``tables``. Returns "", or the execution that holds one of them; then none was taken."""
    cursor.execute("SAVEPOINT leases")
    holder = leases.take(cursor, kind.scope, execution, dataset, tables)
    if holder:
        cursor.execute("ROLLBACK TO SAVEPOINT leases")
    return holder


def open_run(cursor: Cursor, kind: RunKind, row: Mapping[str, Any], tables: Iterable[str]) -> str:
    """Take the leases and insert the ledger ``row``, by column. Idempotent. Returns what ``take_leases`` returns."""
    holder = take_leases(cursor, kind, row["execution"], row["dataset"], tables)
    if not holder:
        insert = Sql(
            "INSERT INTO dataforge.{table} ({columns}) VALUES ({values}) ON CONFLICT ({id}) DO NOTHING"
        ).format(
            columns=Sql(", ").join(map(ident, row)),
            values=Sql(", ").join([Sql("%s")] * len(row)),
            **kind.names,
        )
        cursor.execute(insert, list(row.values()))
    return holder


def resume_run(cursor: Cursor, kind: RunKind, run_id: str, execution: str) -> None:
    """Continue a closed run in ``execution``, which has its leases: it is open again, without recorded errors."""
    cursor.execute(
        Sql(
            "UPDATE dataforge.{table} SET execution = %s, error = NULL, cause = NULL, finished_at = NULL,"
            " status = CASE status WHEN %s THEN status ELSE 'running' END WHERE {id} = %s"
        ).format(**kind.names),
        (execution, kind.unfinished, run_id),
    )
    cursor.execute(
        Sql("UPDATE dataforge.{items} SET error = NULL, cause = NULL WHERE {id} = %s").format(**kind.names),
        (run_id,),
    )


def close_dead_run(db: Connection, kind: RunKind, execution: str) -> None:
    """Close the run of an execution that ended without closing it; "" is none."""
    if execution:
        close_run(db, kind, execution, "stopped", Failure(LEFT_BEHIND.code, LEFT_BEHIND.cause))


def close_run(
    db: Connection,
    kind: RunKind,
    execution: str,
    status: str,
    failure: Failure | None = None,
    refused: Entry | None = None,
) -> str | None:
    """Close the execution's run if it is open: record status and failure, clean up, release its leases. Idempotent.

    ``refused``: the audit's entry if the execution has no run. Returns the run's id, or None without a run.
    """
    error, cause = (failure.error, failure.cause) if failure else (None, None)
    if status != DONE:
        end(db, kind.role, execution)
    with transaction(db, role=kind.role) as cursor:
        cursor.execute(
            Sql(
                "UPDATE dataforge.{table} SET error = %s, cause = %s,"
                " status = CASE status WHEN 'running' THEN %s ELSE status END,"
                " finished_at = CASE status WHEN %s THEN NULL ELSE now() END"
                " WHERE execution = %s AND finished_at IS NULL"
            ).format(**kind.names),
            (error, cause, status, kind.unfinished, execution),
        )
        if cursor.rowcount:
            code = known_code(error) if error else None
            record(cursor, Entry("succeeded" if status == DONE else "failed", execution, error=code))
        select = Sql("SELECT {id} FROM dataforge.{table} WHERE execution = %s").format(**kind.names)
        cursor.execute(select, (execution,))
        row = cursor.fetchone()
        if row:
            kind.clean_up(cursor, row[0])
        elif refused:
            record(cursor, refused)
        leases.release(cursor, kind.scope, execution)
    return row[0] if row else None


def fail_run(
    db: Connection, s3: S3Client, report_bucket: str, kind: RunKind, execution: str, error: Mapping[str, str]
) -> tuple[str | None, Failure]:
    """Close a run that failed. Returns its id as ``close_run`` does, and the failure with a readable cause.

    ``error`` is what Step Functions caught: "Error", and "Cause" as text or as a Lambda function's JSON.
    """
    recorded = _worker_failure(db, kind, execution) if hides_a_worker(error.get("Error", "")) else None
    failure = recorded or caught(s3, report_bucket, execution, error)
    return close_run(db, kind, execution, "failed", failure), failure


def _worker_failure(db: Connection, kind: RunKind, execution: str) -> Failure | None:
    """The first error, in the order of the work items, that a worker recorded in the ledger."""
    if not kind.items:
        return None
    order = Sql(", ").join(Sql("i.{}").format(ident(column)) for column in kind.item_key)
    select = Sql(
        "SELECT i.error, i.cause FROM dataforge.{items} i JOIN dataforge.{table} USING ({id})"
        " WHERE execution = %s AND i.error IS NOT NULL ORDER BY {order} LIMIT 1"
    ).format(order=order, **kind.names)
    with transaction(db, role=kind.role) as cursor:
        cursor.execute(select, (execution,))
        row = cursor.fetchone()
    return Failure(*row) if row else None


@contextmanager
def recording_failure(settings: DatabaseSettings, kind: RunKind, run_id: str, *item: Any) -> Iterator[None]:
    """Record an error of the work on an item (values of ``kind.item_key``) in the ledger, unless a retry may succeed."""
    try:
        yield
    except Temporary:
        raise
    except DataForgeError as error:
        columns = (kind.id_column, *kind.item_key)
        update = Sql("UPDATE dataforge.{items} SET error = %s, cause = %s WHERE {key}").format(
            key=Sql(" AND ").join(Sql("{} = %s").format(ident(column)) for column in columns), **kind.names
        )
        with transaction(get_db_resource(settings)) as cursor:
            cursor.execute(update, (error.code, str(error), run_id, *item))
        raise
