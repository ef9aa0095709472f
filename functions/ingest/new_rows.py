"""Store rows that are expected to be new with a plain INSERT, which takes a quarter less of the server's time.

PostgreSQL refuses the statement if a key is stored, and it leaves out rows without a parent. The transaction is then
repeated with the statement that finds out which rows these are. So it is used only if all rows of the connection's last
batch for the table were inserted.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dataforge.api.batch import OnConflict
from dataforge.postgres.connection import single_statements
from dataforge.postgres.ddl import columns_sql, qualified
from dataforge.postgres.row_identity import on_key
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal
from dataforge.tables.catalogue import Table
from functions.ingest.candidates import Candidates, Results
from functions.ingest.statements import arrays, given_rows, key_order, whole_rows
from functions.ingest.store import KeysChanged

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_unexpected: WeakKeyDictionary[Connection, set[Table]] = WeakKeyDictionary()
"""Tables whose last batch on a connection had rows that were not inserted."""
_logs_no_errors: WeakKeyDictionary[Connection, bool] = WeakKeyDictionary()


def expects_new(db: Connection, candidates: Candidates, rule: OnConflict) -> bool:
    """Whether all candidates of a table are expected to be inserted."""
    table = candidates.table
    # The statement requires a primary key. The references of a circle are checked when all its tables are stored.
    supported = table.key and not (table.circular_keys or candidates.conflicting)
    if not supported or rule != "reject" or table in _unexpected.get(db, ()):
        return False
    return _is_private(db)


def _is_private(db: Connection) -> bool:
    """Whether the server's log has no errors: with the error for a stored key it would have the records of the batch.

    The parameter group of the deployment sees to that. Only an administrator of another database can set it.
    """
    if db not in _logs_no_errors:
        with single_statements(db) as cursor:
            cursor.execute("SELECT current_setting('log_min_messages') IN ('log', 'fatal', 'panic')")
            _logs_no_errors[db] = one_row(cursor)[0]
    return _logs_no_errors[db]


def learn(db: Connection, candidates: Candidates, *, inserted: bool) -> None:
    """Record for the next batch whether all candidates were inserted."""
    tables = _unexpected.setdefault(db, set())
    (tables.discard if inserted else tables.add)(candidates.table)


def store_new(cursor: Cursor, candidates: Candidates) -> Results:
    """Insert all candidates. Raises ``KeysChanged`` if some were left out, and psycopg2's errors if one is refused.

    After any of these errors, the transaction must be rolled back.
    """
    if candidates.indices:
        cursor.execute(_statement(candidates.table), arrays(candidates, range(len(candidates.indices))))
        if cursor.rowcount != len(candidates.indices):
            raise KeysChanged
    return Results(dict.fromkeys(candidates.indices, "inserted"))


@cache
def _statement(table: Table) -> Sql:
    """The statement, with the parameters of ``store_statement``.

    Its first part stores nothing: PostgreSQL refuses it if the key has no index, and if the owner's rules could change
    what it inserts or returns, as it refuses ``store_statement``. Nothing is inserted if the key is deferrable, which that
    refuses too.
    """
    return Sql(
        "WITH declared AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE false"
        " ON CONFLICT ({key}) DO NOTHING RETURNING 1)\n"
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM (SELECT * FROM ({given}) g{whole}) g"
        " WHERE EXISTS (SELECT FROM pg_index WHERE indrelid = {name}::regclass AND indisprimary AND indimmediate)"
        " ORDER BY {order}"
    ).format(
        table=qualified(table),
        columns=columns_sql(table),
        key=on_key(table),
        name=literal(qualified(table)),
        given=given_rows(table, table.other_keys),
        whole=whole_rows(table),
        order=key_order(table),
    )
