"""Identity columns: the sequence of a table generates only values that no row has.

Files and runs give every value explicitly, so shadows have no sequence. A transaction that writes explicit values advances
it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dataforge.postgres.ddl import qualified
from dataforge.postgres.roles import GENERATE
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


NEARBY = 100_000
"""Values to skip one by one. The step is atomic, whereas setval could set back a sequence that others advance meanwhile. A
longer step cannot: others do not generate as many values between its two statements."""

_LAST = "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(%s, %s)::regclass), 0)"

_ADVANCE = Sql("""
    SELECT CASE WHEN missing <= 0 THEN 0
                WHEN missing <= {nearby} THEN (SELECT count(nextval({sequence})) FROM generate_series(1, missing))
                ELSE setval({sequence}, highest) END
    FROM (SELECT highest, highest - coalesce(pg_sequence_last_value({sequence}), 0) AS missing
          FROM (SELECT coalesce(max({column}), 0)::bigint AS highest FROM {table}) stored) distance
""")


def without_identity(table: Table) -> Table:
    """The table as a shadow, whose values are all given."""
    return replace(table, columns=tuple(replace(c, identity=False) for c in table.columns))


def last_value(cursor: Cursor, table: Table) -> int:
    """The last value that the sequence generated; 0 before the first one."""
    if table.identity_column is None:
        return 0
    cursor.execute(_LAST, (qualified(table), table.identity_column))
    return int(one_row(cursor)[0])


def grant(table: Table) -> Sql:
    """The statement that lets the API generate values, and runs advance the sequence beyond explicit ones."""
    place = Sql("pg_get_serial_sequence({}, {})").format(
        literal(qualified(table)), literal(table.identity_column or "")
    )
    return Sql(
        "DO $do$ BEGIN EXECUTE format('GRANT USAGE, UPDATE ON SEQUENCE %s TO {}', {}); END $do$"
    ).format(Sql(", ").join(GENERATE), place)


def advance(cursor: Cursor, table: Table) -> None:
    """Advance the sequence to the highest value of the table."""
    if statement := advance_statement(table):
        cursor.execute(statement)


def advance_statement(table: Table) -> Sql | None:
    """The statement of ``advance``; None without a sequence. It is never set back."""
    if table.identity_column is None:
        return None
    return _ADVANCE.format(
        sequence=Sql("pg_get_serial_sequence({}, {})::regclass").format(
            literal(qualified(table)), literal(table.identity_column)
        ),
        column=ident(table.identity_column),
        table=qualified(table),
        nearby=NEARBY,
    )


def advance_to(cursor: Cursor, table: Table, value: int) -> None:
    """Advance the sequence to a value, unless it is already there. It is never set back."""
    missing = value - last_value(cursor, table)
    if missing <= 0:
        return
    place = (qualified(table), table.identity_column)
    if missing <= NEARBY:
        cursor.execute(
            "SELECT count(nextval(pg_get_serial_sequence(%s, %s))) FROM generate_series(1, %s)",
            (*place, missing),
        )
    else:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (*place, value))


def generate(cursor: Cursor, table: Table, count: int) -> list[int]:
    """Generate values. They are used even if the transaction is rolled back."""
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
        (qualified(table), table.identity_column, count),
    )
    return [value for (value,) in cursor.fetchall()]
