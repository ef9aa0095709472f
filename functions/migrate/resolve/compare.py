"""Count a shadow's rows and compare them with the table into which they are to be merged, in one pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.row_identity import same_key, same_row
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.run.copies import stored_copies
from functions.migrate.run.migration import Run
from functions.migrate.run.source_files import file_numbers

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_FILE = Sql("s.{} >> {}").format(shadow.SOURCE, shadow.FILE_SHIFT)
"""The SQL of the file number of a row ``s``."""


@dataclass(frozen=True)
class Comparison:
    """The shadow's rows, and those that the table has with the same values (``unchanged``), by file.

    ``differing``: rows that the table has with other values. ``hash_total``: the sum of the rows' hashes modulo 2**64.
    """

    rows: Counter[int]
    hash_total: int
    unchanged: Counter[int] = field(default_factory=Counter)
    differing: int = 0

    @property
    def all_unchanged(self) -> bool:
        """Whether the table has every row already."""
        return self.rows.total() == self.unchanged.total()


def count_rows(cursor: Cursor, run: Run, table: Table) -> Comparison:
    """Count the rows that are to replace an empty table."""
    return _query(cursor, run, table, Sql("0, 0"), Sql(""))


def compare(cursor: Cursor, run: Run, table: Table) -> Comparison:
    """Compare the rows with those of the table."""
    if table.is_multiset:
        counted = count_rows(cursor, run, table)
        return Comparison(counted.rows, counted.hash_total, stored_copies(cursor, run, table))
    stored = Sql("count(l.ctid), count(l.ctid) FILTER (WHERE {})").format(same_row(table, "s", "l"))
    join = Sql("LEFT JOIN {} l ON {}").format(ddl.qualified(table), same_key(table, "s", "l"))
    return _query(cursor, run, table, stored, join)


def _query(cursor: Cursor, run: Run, table: Table, stored: Sql, join: Sql) -> Comparison:
    """``stored``: the SQL of the numbers of rows whose key the table has, and of those with the same values."""
    numbers = file_numbers(cursor, run, table)
    # Counting without groups is faster.
    single = len(numbers) == 1
    cursor.execute(
        Sql("SELECT {}, count(*), coalesce(sum({}), 0), {} FROM {} s {} {}").format(
            numbers[0] if single else _FILE,
            row_hash_of(cursor, table, "s"),
            stored,
            run.shadow(table),
            join,
            Sql("") if single else Sql("GROUP BY 1"),
        )
    )
    files = cursor.fetchall()
    return Comparison(
        Counter({file: rows for file, rows, *_ in files}),
        sum(int(total) for _, _, total, *_ in files) % 2**64,
        Counter({file: same for file, *_, same in files}),
        sum(known - same for *_, known, same in files),
    )
