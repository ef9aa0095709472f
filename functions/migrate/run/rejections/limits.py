"""Reserve space for rejections in the ledger, without locks between the workers of a run.

Sequences in the schema of the run's shadows count the rows of each table, and the text of all in KiB, from what the dataset
has used on. A number that a worker has taken belongs to it alone, and is lost if its transaction is rolled back: the rows
and the text never exceed the limits, and are fewer after a retry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.postgres import shadow
from dataforge.postgres.roles import LOAD
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.records.text_budget import USED
from dataforge.tables.catalogue import Table
from dataforge.tables.names import internal_name

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


UNIT = 1024
"""The bytes of text that one number of the sequence stands for."""

_TEXT = "_rejected_text"

_RESERVE = """
    SELECT count(*) FROM (
        SELECT nextval((SELECT to_regclass(%s))) AS number FROM generate_series(1, %s)
    ) reserved WHERE coalesce(number, 0) <= %s
"""
"""A run that an earlier version planned has no sequences, and no limit."""


def create_sequences(cursor: Cursor, run_id: str, dataset: str, tables: Iterable[Table]) -> None:
    """Create the sequences of the run, which loads these tables of the dataset. Does nothing if they exist."""
    first_unit = -(-_used(cursor, dataset) // UNIT) + 1
    _create(cursor, _sequence(run_id, _TEXT), first_unit)
    for table in tables:
        _create(cursor, _sequence(run_id, internal_name("rejected rows", table.name)), 1)


def _create(cursor: Cursor, sequence: Sql, start: int) -> None:
    cursor.execute(Sql("CREATE SEQUENCE IF NOT EXISTS {} START {}").format(sequence, start))
    cursor.execute(Sql("GRANT USAGE ON SEQUENCE {} TO {}").format(sequence, LOAD))


def reserve_rows(cursor: Cursor, run_id: str, table: Table, rows: int, limit: int) -> int:
    """Reserve rows for rejections of the table. Returns how many of them are within the limit."""
    sequence = _sequence(run_id, internal_name("rejected rows", table.name))
    cursor.execute(_RESERVE, (str(sequence), rows, limit))
    return int(one_row(cursor)[0])


def reserve_text(cursor: Cursor, run_id: str, dataset: str, size: int, budget: int) -> int:
    """Reserve bytes for text. Returns how many of them are within the budget of the dataset.

    Other runs and batches store text at the same time, so the used bytes are compared again.
    """
    if _used(cursor, dataset) >= budget:
        return 0
    units = -(-size // UNIT)
    cursor.execute(_RESERVE, (str(_sequence(run_id, _TEXT)), units, budget // UNIT))
    return min(size, int(one_row(cursor)[0]) * UNIT)


def used_text(cursor: Cursor, run_id: str) -> int:
    """The bytes of rejected text of the run's dataset in the database."""
    cursor.execute("SELECT dataset FROM dataforge.migrations WHERE migration_id = %s", (run_id,))
    return _used(cursor, one_row(cursor)[0])


def _used(cursor: Cursor, dataset: str) -> int:
    cursor.execute(USED, (dataset,))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _sequence(run_id: str, name: str) -> Sql:
    return Sql("{}.{}").format(ident(shadow.schema_of(run_id)), ident(name))
