"""Connections and transactions: one warm connection per process, time-outs, and errors classified by SQLSTATE."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import psycopg2
from psycopg2.extensions import STATUS_READY

from dataforge.errors import Busy, DataForgeError, DiskFull, OutOfMemory, RowSecurity, Unavailable
from dataforge.postgres import row_security, session
from dataforge.postgres.credentials import password_of
from dataforge.postgres.sql import Sql, ident
from dataforge.settings import DatabaseSettings

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


T = TypeVar("T")

CONNECT_SECONDS = 5

_IDLE_SECONDS = 5.0

_BUSY = {"40001", "40P01", "55P03", "55006"}
_FULL = {
    "53100": "its disk is full",
    "53400": "a limit of its configuration is reached, such as temp_file_limit",
}
_OUT_OF_MEMORY = {"53000", "53200"}
_AWAY = ("08", "53", "57", "25P03", "25P04")
"""SQLSTATE classes of lost connections: connection exceptions, too many connections, shutdown or crash; and the ends of
transactions that exceeded a time limit."""

_warm: dict[DatabaseSettings, tuple[Connection, float]] = {}
_after_commit: WeakKeyDictionary[Connection, list[Callable[[], None]]] = WeakKeyDictionary()


def get_db_resource(settings: DatabaseSettings) -> Connection:
    """The process's connection for these settings: the warm one if it works, otherwise a new one.

    It is not in a transaction. Raises ``Unavailable`` if the database cannot be reached within 5 seconds.
    """
    known = _warm.pop(settings, None)
    db = known[0] if known and _alive(*known) else connect(settings)
    _warm[settings] = (db, time.monotonic())
    return db


def with_connection(
    settings: DatabaseSettings, work: Callable[[Connection], T], *, repeatable: bool = True
) -> T:
    """Run ``work``, and again if a warm connection is lost. ``repeatable``: also if the first run may have committed."""
    db = get_db_resource(settings)
    try:
        return work(db)
    except Unavailable as error:
        if not db.closed or (error.in_doubt and not repeatable):
            raise
    return work(get_db_resource(settings))


def _alive(db: Connection, used: float) -> bool:
    """Whether the connection works. It is tested by a query if it was idle, or if the server has sent data, such as the
    end of an idle session: clocks may stop while Lambda freezes a process. A dead connection is closed."""
    if db.closed:
        return False
    try:
        if db.status != STATUS_READY:
            db.rollback()
        if time.monotonic() - used > _IDLE_SECONDS or _has_news(db):
            with db.cursor() as cursor:
                cursor.execute("SELECT 1")
            db.rollback()
    except psycopg2.Error:
        db.close()
        return False
    return True


def _has_news(db: Connection) -> bool:
    poll = select.poll()
    poll.register(db, select.POLLIN)
    return bool(poll.poll(0))


def connect(settings: DatabaseSettings, password: str | None = None) -> Connection:
    """A new connection. Raises ``Unavailable``; the message contains the role, but neither host nor password."""
    secret = password_of(settings) if password is None else password
    try:
        try:
            return _connect(settings, secret, _options(settings))
        except psycopg2.OperationalError as error:
            if not any(name in str(error) for name in session.UNSUPPORTED):
                raise
            # The server is too old. The schema function reports it after connecting.
            return _connect(settings, secret, _options(settings, without=session.UNSUPPORTED))
    except psycopg2.OperationalError as error:
        raise Unavailable(f"Cannot connect to the database as {settings.db_user}: {_reason(error)}") from None


def _connect(settings: DatabaseSettings, password: str, options: str) -> Connection:
    db = psycopg2.connect(
        host=settings.db_host,
        port=settings.db_port,
        dbname=settings.db_name,
        user=settings.db_user,
        password=password,
        sslmode=settings.db_sslmode,
        sslrootcert=settings.db_sslrootcert or None,
        connect_timeout=CONNECT_SECONDS,
        keepalives_idle=30,
        keepalives_interval=5,
        keepalives_count=3,
        # Keepalives are not sent while data is unacknowledged; this limits the wait for a lost host.
        tcp_user_timeout=10_000,
        application_name=settings.db_user,
        options=options,
    )
    db.autocommit = True
    with db.cursor() as cursor:
        cursor.execute(*session.set_newer(settings.time_limits.transaction_timeout))
    db.autocommit = False
    return db


def _options(settings: DatabaseSettings, *, without: frozenset[str] = frozenset()) -> str:
    limits = {name: seconds * 1000 for name, seconds in settings.time_limits._asdict().items()}
    return session.options(limits, without=without)


def _reason(error: psycopg2.OperationalError) -> str:
    """Why a connection attempt failed, without addresses: the last clause of libpq's first line."""
    text = str(error).strip()
    return text.splitlines()[0].rpartition(": ")[2].strip() if text else "no reason given"


@contextmanager
def transaction(db: Connection, *, role: str | None = None) -> Iterator[Cursor]:
    """A cursor in a transaction that is committed at the end and rolled back on any error.

    ``role``: set for the transaction. Errors are those of ``translated``.
    """
    _after_commit.pop(db, None)
    with translated():
        try:
            with db.cursor() as cursor:
                if role:
                    cursor.execute(Sql("SET LOCAL ROLE {}").format(ident(role)))
                yield cursor
            _commit(db)
        except BaseException as error:
            if not db.closed:
                db.rollback()
            _refuse_row_security(db, error)
            raise
    for work in _after_commit.pop(db, ()):
        work()


@contextmanager
def single_statements(db: Connection) -> Iterator[Cursor]:
    """A cursor without a transaction, for reads: each statement sees the rows as of its own start, as in ``transaction``,
    and the two round trips of BEGIN and COMMIT are saved. Errors are those of ``translated``."""
    with translated():
        db.autocommit = True
        try:
            with db.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            _refuse_row_security(db, error)
            raise
        finally:
            if not db.closed:
                db.autocommit = False


def _refuse_row_security(db: Connection, error: BaseException) -> None:
    """Raise ``RowSecurity`` if it is the reason of the error. ``db`` is not in a transaction."""
    if row_security.is_refused(error):
        raise RowSecurity(row_security.tables(db, error)) from None


def after_commit(cursor: Cursor, work: Callable[[], None]) -> None:
    """Do ``work`` once the cursor's ``transaction`` is committed, and never if it is rolled back."""
    _after_commit.setdefault(cursor.connection, []).append(work)


def _commit(db: Connection) -> None:
    try:
        with translated():
            db.commit()
    except Unavailable as error:
        error.in_doubt = True
        raise


@contextmanager
def translated() -> Iterator[None]:
    """Raise psycopg2's errors as Data Forge's, by SQLSTATE: ``Busy``, ``DiskFull``, ``OutOfMemory``, and ``Unavailable``
    for a lost connection. Other errors (an invalid statement, a violated constraint) are raised unchanged.

    PostgreSQL's error may quote a row, so it is not the cause of the other (``database_error``).
    """
    try:
        yield
    except psycopg2.Error as error:
        found = _translation(error)
        if found is None:
            raise
        raise found from None


def database_error(error: BaseException) -> psycopg2.Error | None:
    """PostgreSQL's error, given itself or the error that ``translated`` raised for it. Its texts may quote a row."""
    found = error if isinstance(error, psycopg2.Error) else error.__context__
    return found if isinstance(found, psycopg2.Error) else None


def is_translated(error: psycopg2.Error) -> bool:
    """Whether ``translated`` raises another error for it."""
    return _translation(error) is not None


def _translation(error: psycopg2.Error) -> DataForgeError | None:
    state = error.pgcode or ""
    if state in _BUSY:
        return Busy("A lock was not obtained in time.")
    if state in _FULL:
        return DiskFull(_FULL[state])
    if state in _OUT_OF_MEMORY:
        return OutOfMemory("The database has too little memory for its current load.")
    lost = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    if state.startswith(_AWAY) or (not state and lost):
        return Unavailable("The connection to the database was lost.")
    return None
