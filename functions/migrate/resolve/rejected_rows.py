"""Bad rows on their way out of a shadow. There may be millions, so they and their reasons stay in PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.sql import Sql, ident
from dataforge.records.rejections import missing_parent
from dataforge.records.validate import Violation
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


BATCH = 10_000
"""Rows that are in memory at a time."""

CONFLICT, STORED_CONFLICT = "", "stored"


class Removal:
    """What leaves the shadow of one table: identical rows (a number), and bad ones with their position and reasons.

    Rows are marked, each perhaps for several reasons, and then deleted; ``positions`` tells which there were.
    """

    def __init__(self, cursor: Cursor, run: Run, table: Table) -> None:
        self._cursor, self._table = cursor, table
        self._shadow = ddl.qualified(table, shadow.schema_of(run.id))
        self._marks = Sql("{}.{}").format(ident(shadow.schema_of(run.id)), ident("_removed_" + table.name))
        self._twins = Sql("{}.{}").format(ident(shadow.schema_of(run.id)), ident("_twins_" + table.name))
        self._round = self._marked = 0
        self._twins_found: int | None = None
        self.hash_total = 0
        self.deduplicated: Counter[int] = Counter()
        self.rejected: Counter[int] = Counter()

    def delete_duplicates(self, ranked: Sql) -> None:
        """Delete rows that the query gives as ``place`` with a ``number`` above 1."""
        self._delete(Sql("({})").format(ranked), Sql("s.ctid = r.place AND r.number > 1"), self.deduplicated)

    def keep_twins(self, twins: Sql) -> None:
        """Keep what the query gives of rows that share their key, and delete those with a ``number`` above 1.

        It gives their ``place``, and a ``twin`` that is the same for all rows of a key.
        """
        self._cursor.execute(Sql("CREATE UNLOGGED TABLE {} AS {}").format(self._twins, twins))
        self._twins_found = self._cursor.rowcount
        if self._twins_found:
            self.delete_duplicates(Sql("SELECT * FROM {}").format(self._twins))

    def mark_later_twins(self, reason: str) -> None:
        """Mark the kept rows that are still there and do not come first of their key.

        Rows that come of one record have its position, and are in the order in which they were loaded.
        """
        if self._twins_found:
            source = Sql("s.{}").format(shadow.SOURCE)
            self.mark(
                Sql(
                    "SELECT position, place, NULL FROM (SELECT t.place, {source} AS position,"
                    " row_number() OVER (PARTITION BY t.twin ORDER BY {source}, t.place) AS number"
                    " FROM {twins} t JOIN {shadow} s ON s.ctid = t.place) f WHERE number > 1"
                ).format(source=source, twins=self._twins, shadow=self._shadow),
                reason,
            )

    def mark(self, rows: Sql, reason: str) -> None:
        """Mark the rows that the query gives as (position, place, value) for a reason: a foreign key or a conflict."""
        if not self._round:
            self._cursor.execute(
                Sql(
                    "CREATE UNLOGGED TABLE {} (round integer, number serial, reason text, position bigint,"
                    " place tid, value text)"
                ).format(self._marks)
            )
            self._round = 1
        self._cursor.execute(
            Sql(
                "INSERT INTO {} (round, reason, position, place, value) SELECT {}, %s, m.* FROM ({}) m"
            ).format(self._marks, self._round, rows),
            (reason,),
        )
        self._marked += self._cursor.rowcount

    def delete_marked(self) -> bool:
        """Delete the rows that were marked since the last time; whether there were any."""
        found = self._marked > 0
        if found:
            marked = Sql("(SELECT DISTINCT place FROM {} WHERE round = {})").format(self._marks, self._round)
            self._delete(marked, Sql("s.ctid = r.place"), self.rejected)
            self._round, self._marked = self._round + 1, 0
        return found

    def _delete(self, places: Sql, condition: Sql, counts: Counter[int]) -> None:
        self._cursor.execute(
            Sql(
                "WITH gone AS (DELETE FROM {shadow} s USING {places} r WHERE {condition}"
                " RETURNING s.{source} >> {file_shift} AS file, {row_hash} AS hash)"
                " SELECT file, count(*), sum(hash) FROM gone GROUP BY file"
            ).format(
                shadow=self._shadow,
                places=places,
                condition=condition,
                source=shadow.SOURCE,
                file_shift=shadow.FILE_SHIFT,
                row_hash=ddl.row_hash_sql(self._table, "s"),
            )
        )
        for file, count, total in self._cursor.fetchall():
            counts[file] += count
            self.hash_total = (self.hash_total + int(total)) % 2**64

    def positions(self) -> Iterator[tuple[int, list[Violation]]]:
        """The bad rows' positions, ascending, with their reasons; a flat file's record may be several rows of a table."""
        if not self._round:
            return
        # Closed when all is read; after an error it ends with the transaction.
        rows = self._cursor.connection.cursor(name="removed")
        rows.itersize = BATCH
        rows.execute(
            Sql(
                "SELECT position, array_agg(reason ORDER BY number), array_agg(value ORDER BY number)"
                " FROM {} GROUP BY position, place ORDER BY position, min(number)"
            ).format(self._marks)
        )
        for position, reasons, values in rows:
            yield position, [self._violation(*one) for one in zip(reasons, values, strict=True)]
        rows.close()

    def close(self) -> None:
        """Forget the rows; nothing of them may be in the way of a swap."""
        if self._round:
            self._cursor.execute(Sql("DROP TABLE {}").format(self._marks))
        if self._twins_found is not None:
            self._cursor.execute(Sql("DROP TABLE {}").format(self._twins))

    def _violation(self, reason: str, value: str | None) -> Violation:
        key = ", ".join(self._table.key)
        if reason == CONFLICT:
            text = f"Another row of the file has the same key ({key}) and other values; the first is kept"
            return Violation("conflict", text)
        if reason == STORED_CONFLICT:
            text = f"The table has a row with the same key ({key}) and other values; it is kept"
            return Violation("conflict", text)
        return missing_parent(next(k for k in self._table.foreign_keys if k.name == reason), value)
