"""Start work, wait for it, and end it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2

from dataforge.errors import LeaseLost, NotCompleted, RowSecurity, Unavailable, WorkContinues
from dataforge.postgres import row_security
from dataforge.postgres.backends import own_backend, terminate
from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.roles import MIGRATION_RUN, RESTORE_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.runs.unattended.script import LEASE, VARIABLES, Script
from dataforge.runs.unattended.stored_errors import DOCUMENT, READ, NumberDiffers, read_error
from dataforge.runs.unattended.stored_errors import VARIABLES as ERROR_VARIABLES

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


ATTEMPTS = 3
"""How often work is started. The cause that ends PostgreSQL's backend three times will end it again."""

END_MS = 5_000
"""How long the end of a backend is awaited, in milliseconds. Its transaction is rolled back at once."""

_POLL_SECONDS = 0.5
_BEGIN_SECONDS = 0.05

_RELATIONS: Mapping[str, Sql] = {
    MIGRATION_RUN: Sql("dataforge.migration_work"),
    RESTORE_RUN: Sql("dataforge.restore_work"),
}
"""The table of the ledger by the role of the run."""

SESSION = (
    Sql("SET statement_timeout = 0"),
    Sql("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'"),
    # The end of the function must not end the query: neither by a check of the connection, nor by a notice, which is sent
    # immediately.
    Sql("SET client_connection_check_interval = 0"),
    Sql("SET client_min_messages = error"),
)
"""The settings of a session whose query continues without its client."""

_SIZE = """
    SELECT coalesce(sum(pg_table_size(oid)), 0) FROM (SELECT to_regclass(name) FROM unnest(%s) name) relations(oid)
    WHERE oid IS NOT NULL
"""

_BLOCK = Sql("""
DECLARE {variables}
BEGIN
    PERFORM FROM {relation} WHERE {key} AND attempt = {attempt} AND result IS NULL AND error IS NULL FOR UPDATE;
    IF NOT FOUND THEN RETURN; END IF;
    BEGIN
        {body}
        UPDATE {relation} w SET result = coalesce({result}, 'null') WHERE {key};
    EXCEPTION WHEN OTHERS THEN
        {read}
        UPDATE {relation} w SET error = {error} WHERE {key};
    END;
END
""")


class Work(NamedTuple):
    """The identity of work in the ledger: ``name`` is that of a step, ``number`` of one of its transactions."""

    run_id: str
    name: str
    number: int = 0

    @property
    def key(self) -> Sql:
        """The condition for its row."""
        return Sql("(run_id, name, number) = ({}, {}, {})").format(
            literal(self.run_id), literal(self.name), self.number
        )


@dataclass(frozen=True)
class Unattended:
    """How a step lets PostgreSQL complete work.

    ``connect``: a further connection of the step's login. ``role``: of the run. ``least_bytes``: the size of the tables from
    which the work of a step is unattended. ``deadline``: the reading of ``time.monotonic`` until which the step waits.
    """

    connect: Callable[[], Connection]
    role: Sql
    least_bytes: int
    deadline: float

    @property
    def relation(self) -> Sql:
        """The table of the ledger."""
        return _RELATIONS[self.role]

    def suits(self, cursor: Cursor, *relations: Sql) -> bool:
        """Whether work on these tables may take longer than a function."""
        cursor.execute(_SIZE, (list(relations),))
        return int(one_row(cursor)[0]) >= self.least_bytes


class _Row(NamedTuple):
    """A row of the ledger. ``locked``: a backend works on it, and the other fields are not known."""

    locked: bool
    attempt: int = 0
    statement: str = ""
    result: str | None = None
    error: Any = None

    @property
    def is_complete(self) -> bool:
        return self.result is not None or self.error is not None


def complete(
    db: Connection,
    how: Unattended,
    execution: str,
    work: Work,
    script: Callable[[], Script],
    digest: str = "",
) -> str:
    """Complete the work, which ``script`` describes. Returns its result as JSON. ``db``: not in a transaction.

    ``digest``: of the work's description, which must not differ from that with which it was started. Raises
    ``WorkContinues`` at the deadline, ``NumberDiffers``, PostgreSQL's error, ``NotCompleted``, ``Unavailable``. An error
    stays in the ledger until ``forget``.
    """
    row = _read(db, how, execution, work)
    if row is None or not (row.locked or row.is_complete):
        _start(db, how, execution, work, script(), digest, 0 if row is None else row.attempt)
        row = _read(db, how, execution, work)
    while row is not None and row.locked:
        if time.monotonic() + _POLL_SECONDS > how.deadline:
            raise WorkContinues(work.run_id, work.name)
        time.sleep(_POLL_SECONDS)
        row = _read(db, how, execution, work)
    try:
        return _outcome(work, row, digest)
    except psycopg2.Error as error:
        if not row_security.is_refused(error):
            raise
        raise RowSecurity(row_security.tables(db, error)) from None


def _outcome(work: Work, row: _Row | None, digest: str) -> str:
    if row is None or not row.is_complete:
        raise Unavailable("The database ended a statement without a result.")
    if row.statement != digest:
        raise NotCompleted(work.run_id, work.name, "it was begun by another version of Data Forge")
    if row.error is not None:
        error = read_error(row.error)
        if isinstance(error, NumberDiffers) and error.name == LEASE:
            raise LeaseLost(f"The run was stopped before {work.name} was complete, and has lost a lease.")
        raise error
    return row.result or "null"


def _read(db: Connection, how: Unattended, execution: str, work: Work) -> _Row | None:
    """The work's row. An error of another execution, such as its lost lease, is none of this one."""
    columns = Sql("attempt, statement, result::text, CASE execution WHEN {} THEN error END").format(
        literal(execution)
    )
    with transaction(db, role=how.role) as cursor:
        cursor.execute(
            Sql("SELECT {} FROM {} WHERE {} FOR UPDATE SKIP LOCKED").format(columns, how.relation, work.key)
        )
        found = cursor.fetchone()
        if found is not None:
            return _Row(False, *found)
        cursor.execute(Sql("SELECT FROM {} WHERE {}").format(how.relation, work.key))
        return None if cursor.fetchone() is None else _Row(True)


def _start(
    db: Connection, how: Unattended, execution: str, work: Work, script: Script, digest: str, attempt: int
) -> None:
    """Start the work, unless another call has started it, and wait until it ends or until the deadline."""
    if attempt >= ATTEMPTS:
        raise NotCompleted(work.run_id, work.name, f"the database ended it {attempt} times without a result")
    with closing(connect_until(how.connect, how.deadline, work.run_id, work.name)) as session:
        if not _register(session, how, execution, work, digest, attempt):
            return
        text = query(how, work, script, attempt + 1)
        session.autocommit = True
        send(session, text, how.deadline, lambda: _is_begun(db, how, execution, work))


def connect_until(connect: Callable[[], Connection], deadline: float, run_id: str, name: str) -> Connection:
    """A further connection. If the login has no free one, the end of other work is awaited.

    Raises ``WorkContinues`` at the deadline.
    """
    while True:
        try:
            return connect()
        except Unavailable:
            if time.monotonic() + _POLL_SECONDS > deadline:
                raise WorkContinues(run_id, name) from None
            time.sleep(_POLL_SECONDS)


def _register(
    session: Connection, how: Unattended, execution: str, work: Work, digest: str, attempt: int
) -> bool:
    """Register the session as the one that does the work. Returns False if another one was registered meanwhile."""
    with transaction(session) as cursor:
        for setting in SESSION:
            cursor.execute(setting)
        backend = own_backend(cursor)
    with transaction(session, role=how.role) as cursor:
        cursor.execute(
            Sql(
                "INSERT INTO {} AS w (run_id, name, number, execution, statement, pid, backend_start)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, name, number) DO UPDATE"
                " SET attempt = w.attempt + 1, execution = excluded.execution, statement = excluded.statement,"
                " pid = excluded.pid, backend_start = excluded.backend_start, error = NULL WHERE w.attempt = %s"
                " AND w.result IS NULL AND (w.error IS NULL OR w.execution <> excluded.execution)"
            ).format(how.relation),
            (*work, execution, digest, *backend, attempt),
        )
        return bool(cursor.rowcount)


def query(how: Unattended, work: Work, script: Script, attempt: int) -> Sql:
    """The query that does the work, if the ledger has it under the number of this attempt."""
    block = _BLOCK.format(
        variables=VARIABLES + ERROR_VARIABLES,
        read=READ,
        relation=how.relation,
        key=work.key,
        attempt=attempt,
        body=script.body(),
        result=script.result,
        error=DOCUMENT,
    )
    return Sql("BEGIN; SET LOCAL ROLE {}; DO {}; COMMIT").format(ident(how.role), literal(block))


def _is_begun(db: Connection, how: Unattended, execution: str, work: Work) -> bool:
    row = _read(db, how, execution, work)
    return row is not None and (row.locked or row.is_complete)


def send(session: Connection, text: Sql, deadline: float, begun: Callable[[], bool]) -> None:
    """Execute the query; at the deadline, once it has ``begun``, end the connection, which does not end the query."""
    failed: list[psycopg2.Error] = []

    def execute() -> None:
        try:
            with session.cursor() as cursor:
                cursor.execute(text)
        except psycopg2.Error as error:
            failed.append(error)

    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    remaining = deadline - time.monotonic()
    thread.join(None if remaining == float("inf") else max(remaining, 0))
    while thread.is_alive() and not begun():
        thread.join(_BEGIN_SECONDS)
    if thread.is_alive():
        with socket.socket(fileno=socket.dup(session.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
    elif failed:
        with translated():
            raise failed[0]


def is_known(cursor: Cursor, how: Unattended, work: Work) -> bool:
    """Whether the ledger has the work: it was started, and its result was not used yet."""
    cursor.execute(Sql("SELECT FROM {} WHERE {}").format(how.relation, work.key))
    return cursor.fetchone() is not None


def read_progress(cursor: Cursor, how: Unattended, work: Work) -> Any:
    """The document of ``store_progress``, or None. Its row is locked until the transaction ends."""
    cursor.execute(Sql("SELECT result FROM {} WHERE {} FOR UPDATE").format(how.relation, work.key))
    row = cursor.fetchone()
    return row and row[0]


def store_progress(cursor: Cursor, how: Unattended, execution: str, work: Work, document: str) -> None:
    """Store a JSON document about work that a function does in pieces."""
    cursor.execute(
        Sql(
            "INSERT INTO {} (run_id, name, number, execution, statement, pid, backend_start, result)"
            " VALUES (%s, %s, %s, %s, '', 0, now(), %s)"
            " ON CONFLICT (run_id, name, number) DO UPDATE SET result = excluded.result"
        ).format(how.relation),
        (*work, execution, document),
    )


def forget(cursor: Cursor, how: Unattended, run_id: str, name: str | None = None) -> None:
    """Delete the results of the run's work of this name, or of all, in the transaction that uses them."""
    cursor.execute(
        Sql("DELETE FROM {} WHERE run_id = %s AND name = coalesce(%s, name)").format(how.relation),
        (run_id, name),
    )


def forget_failed(cursor: Cursor, how: Unattended, work: Work) -> None:
    """Delete the record of this work, so that it is done again, unless it has a result or a backend works on it."""
    cursor.execute(
        Sql(
            "DELETE FROM {relation} WHERE ctid = ANY (ARRAY("
            "SELECT ctid FROM {relation} WHERE {key} AND result IS NULL FOR UPDATE SKIP LOCKED))"
        ).format(relation=how.relation, key=work.key)
    )


def end(db: Connection, role: str | None, execution: str) -> None:
    """End the backends that work for an execution, which is to be closed. Their transactions are rolled back."""
    relation = _RELATIONS.get(role or "")
    if relation is None:
        return
    with transaction(db, role=role) as cursor:
        cursor.execute(
            Sql(
                "SELECT pid, backend_start FROM {} WHERE execution = %s AND result IS NULL AND error IS NULL"
            ).format(relation),
            (execution,),
        )
        backends = cursor.fetchall()
    for backend in backends:
        with transaction(db) as cursor:
            terminate(cursor, backend, END_MS)
