"""Delete duplicate and rejected rows from a shadow. They and their reasons stay in PostgreSQL: there may be millions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres import shadow
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal
from dataforge.records.rejections import missing_parent, same_key_values, same_unique_value
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


BATCH = 10_000
"""Rejected rows in memory at a time."""

MOST_IN_ARRAY = 2_000_000
"""Rows that are found by an array of their ctids: 31 bytes each, which are not limited by ``work_mem``."""

_LEAST_BYTES = 64
"""An assumption on the size of a shadow's row: 36 bytes are its header and position."""

CONFLICT, STORED_CONFLICT = "", "stored "
"""Reasons of a conflict of keys; the name of a unique constraint may follow. Other reasons are names of foreign keys."""


class RejectedRows:
    """The rows of one shadow that are duplicates or rejected.

    A rule marks the rows that break it; ``delete_marked`` deletes them. ``positions`` then gives them with their reasons.
    ``durable``: the statements are committed one by one, so that a crash of the server must not lose their results.
    ``deduplicated`` and ``rejected`` count deleted rows by file; ``hash_total`` is the sum of their hashes.
    """

    def __init__(self, cursor: Cursor, run: Run, table: Table, *, durable: bool = False) -> None:
        self.cursor, self.table = cursor, table
        self.create = Sql("CREATE TABLE") if durable else Sql("CREATE UNLOGGED TABLE")
        self._shadow = run.shadow(table)
        self._marks = run.internal_table("rejected", table)
        self._same_keys = run.internal_table("same keys", table)
        self._references = {key.name: key for key in table.foreign_keys}
        self._conflicts: dict[str, Violation] = {}
        self._round = self._marked = 0
        self._same_key_rows: int | None = None
        self.hash_total = 0
        self.deduplicated: Counter[int] = Counter()
        self.rejected: Counter[int] = Counter()

    def delete_duplicates(self, ranked: Sql) -> None:
        """Delete rows that the query gives as ``row_id`` (its ctid) with a ``number`` above 1."""
        self.cursor.execute(Sql("SELECT pg_relation_size({}::regclass)").format(literal(self._shadow)))
        self._delete_duplicates(ranked, one_row(self.cursor)[0] // _LEAST_BYTES)

    def _delete_duplicates(self, ranked: Sql, most: int) -> None:
        rows = Sql("SELECT row_id FROM ({}) r WHERE number > 1").format(ranked)
        self.deduplicated += self._delete(rows, most)

    def delete_duplicates_of_keys(self, ranked: Sql) -> None:
        """Store the query's rows, which share their key with another row, and delete those with a ``number`` above 1.

        The query gives ``row_id`` (its ctid), ``number``, and a ``key_group`` that is the same for all rows of a key.
        """
        self.cursor.execute(Sql("{} {} AS {}").format(self.create, self._same_keys, ranked))
        self._same_key_rows = self.cursor.rowcount
        if self._same_key_rows:
            self._delete_duplicates(Sql("SELECT * FROM {}").format(self._same_keys), self._same_key_rows)

    def mark_later_rows_of_keys(self, reason: str) -> None:
        """Mark the stored rows that are not deleted and not the first of their key.

        Rows of one record have the same position; among them the order of loading decides.
        """
        if self._same_key_rows:
            self.mark(
                Sql(
                    "SELECT position, f.row_id, NULL FROM (SELECT k.row_id, s.{source} AS position,"
                    " row_number() OVER (PARTITION BY k.key_group ORDER BY s.{source}, k.row_id) AS number"
                    " FROM {same_keys} k JOIN {shadow} s ON s.ctid = k.row_id) f WHERE number > 1"
                ).format(source=shadow.SOURCE, same_keys=self._same_keys, shadow=self._shadow),
                reason,
            )

    def mark(self, rows: Sql, reason: str) -> int:
        """Mark the rows that the query gives as (position, ctid, value) with a reason. Returns their number.

        ``value``: for an orphan, the values of the reference's columns as a JSON array.
        """
        if not self._round:
            self.cursor.execute(
                Sql(
                    "{} {} (round integer, number serial, reason text, position bigint, row_id tid, value text)"
                ).format(self.create, self._marks)
            )
            self._round = 1
        self.cursor.execute(
            Sql(
                "INSERT INTO {} (round, reason, position, row_id, value) SELECT {}, %s, m.* FROM ({}) m"
            ).format(self._marks, self._round, rows),
            (reason,),
        )
        marked = int(self.cursor.rowcount)
        self._marked += marked
        return marked

    def unmark(self) -> None:
        """Remove the marks that were set since the last call of ``delete_marked``."""
        if self._marked:
            self.cursor.execute(Sql("DELETE FROM {} WHERE round = {}").format(self._marks, self._round))
            self._marked = 0

    def delete_marked(self) -> bool:
        """Delete the rows marked since the last call. Returns whether there were any."""
        any_marked = self._marked > 0
        if any_marked:
            marked = Sql("SELECT row_id FROM {} WHERE round = {}").format(self._marks, self._round)
            self.rejected += self._delete(marked, self._marked)
            self._round, self._marked = self._round + 1, 0
        return any_marked

    def _delete(self, rows: Sql, most: int) -> Counter[int]:
        """Delete the rows of which the query gives the ctids, and add their hashes to ``hash_total``.

        Returns their number by file. ``most``: the number of ctids, at most. An array is read by the ctids; a join reads
        and hashes the whole shadow.
        """
        found = Sql("ANY(ARRAY({}))") if most <= MOST_IN_ARRAY else Sql("ANY({})")
        self.cursor.execute(
            Sql(
                "WITH deleted AS (DELETE FROM {shadow} s WHERE s.ctid = {found}"
                " RETURNING s.{source} >> {file_shift} AS file, {row_hash} AS hash)"
                " SELECT file, count(*), sum(hash) FROM deleted GROUP BY file"
            ).format(
                shadow=self._shadow,
                found=found.format(rows),
                source=shadow.SOURCE,
                file_shift=shadow.FILE_SHIFT,
                row_hash=row_hash_of(self.cursor, self.table, "s"),
            )
        )
        counts = Counter[int]()
        for file, count, total in self.cursor.fetchall():
            counts[file] = count
            self.hash_total = (self.hash_total + int(total)) % 2**64
        return counts

    def positions(self, cursor: Cursor, after: int = -1) -> Iterator[tuple[int, list[Violation]]]:
        """The rejected rows' positions ``after`` this one, ascending, with their violations.

        A position occurs several times if a flat file's record has several rejected rows in the table.
        """
        if not self._round:
            return
        # A named cursor: closed after the last row, and by the end of the transaction if an error interrupts the loop.
        rows = cursor.connection.cursor(name="rejected")
        rows.itersize = BATCH
        rows.execute(
            Sql(
                "SELECT position, array_agg(reason ORDER BY number), array_agg(value ORDER BY number)"
                " FROM {} WHERE position > {} GROUP BY position, row_id ORDER BY position, min(number)"
            ).format(self._marks, after)
        )
        for position, reasons, values in rows:
            yield position, list(map(self._violation, reasons, values))
        rows.close()

    def close(self, cursor: Cursor) -> None:
        """Drop the tables of intermediate results: a swap moves all tables of the run's schema."""
        if self._round:
            cursor.execute(Sql("DROP TABLE {}").format(self._marks))
        if self._same_key_rows is not None:
            cursor.execute(Sql("DROP TABLE {}").format(self._same_keys))

    def _violation(self, reason: str, value: str | None) -> Violation:
        reference = self._references.get(reason)
        if reference is not None:
            return missing_parent(reference, json.loads(value or "[]"))
        if reason not in self._conflicts:
            self._conflicts[reason] = self._conflict(reason)
        return self._conflicts[reason]

    def _conflict(self, reason: str) -> Violation:
        stored = reason.startswith(STORED_CONFLICT)
        name = reason.removeprefix(STORED_CONFLICT)
        unique = next((unique for unique in self.table.uniques if unique.name == name), None)
        if unique is not None:
            return same_unique_value(unique, "table" if stored else "file")
        return same_key_values(self.table.key, "table" if stored else "file")
