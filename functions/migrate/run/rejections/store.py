"""Store the rejections of one table: as rows with their text, as rows that locate it, or in the report bucket only."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataforge.records.rejections import Located
from dataforge.settings import RejectionLimits
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset
from functions.migrate.run.rejections.limits import reserve_rows, reserve_text
from functions.migrate.run.rejections.objects import LineObjects
from functions.migrate.run.rejections.rows import Row, RowsOfTable, as_json, copy_rows, errors_of, json_field
from functions.migrate.run.rejections.source import SourceTexts
from functions.migrate.run.rejections.uncounted import ReasonCounter, Uncounted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_BUFFER = 1 << 20
"""The bytes of text that are stored at once."""

SHORT_ERRORS = 300
"""Bytes of the errors that a row without the text of its record has. Longer ones are in the report bucket."""


class RejectionStore:
    """Stores the rejections of one table in the caller's transaction, some at a time.

    The database stores the first rows up to the run's limit per table, and their text up to the dataset's budget. The text
    of other rows stays in the source object, or is in the report bucket as are the rejections without a row. ``used``:
    the stored bytes of text, which the caller adds to those of the dataset.
    """

    def __init__(
        self,
        cursor: Cursor,
        s3: S3Client,
        limits: RejectionLimits,
        run_id: str,
        table: Table,
        step: str,
    ) -> None:
        self._cursor, self._limits, self._run_id, self._table = cursor, limits, run_id, table
        self._rows = RowsOfTable(table)
        self._sources = SourceTexts(cursor, s3, run_id, get_dataset(table.dataset))
        name = f"{step}-{secrets.token_hex(4)}"
        self._texts = LineObjects(s3, limits.report_bucket, run_id, table.name, f"{name}-texts")
        self._others = LineObjects(s3, limits.report_bucket, run_id, table.name, name)
        self._buffer: list[Row] = []
        self._buffered = 0
        self._more_rows = self._more_text = True
        self._reasons = ReasonCounter(table)
        self._time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self.used = 0

    def add(self, rejections: Iterable[Located]) -> None:
        """Store the rejections, unless they are few: then the next call does. Raises ``Unavailable``."""
        for located in rejections:
            raw, errors = located.document.encode(), errors_of(tuple(located.violations))
            size = len(raw) + len(errors.json)
            self._buffer.append(Row(located, raw, errors, size))
            self._buffered += size
            if self._buffered >= _BUFFER:
                self._flush()

    def close(self) -> Uncounted | None:
        """Store the remaining rejections. Returns those whose reasons the ledger's rows do not have; None if all have."""
        self._flush()
        self._texts.close()
        self._others.close()
        if not self._reasons.counts:
            return None
        return Uncounted(
            rows=sum(self._others.files.values()),
            files=self._others.files,
            reasons=[(*reason, count) for reason, count in self._reasons.counts.items()],
        )

    def _flush(self) -> None:
        rows, self._buffer, self._buffered = self._buffer, [], 0
        if not rows:
            return
        kept, others = self._divide(rows)
        whole = self._with_text(kept)
        found = [self._rows.with_text(row) for row in kept[:whole]]
        found += [self._without_text(row) for row in kept[whole:]]
        if found:
            copy_rows(self._cursor, found)
        for row in others:
            self._reasons.add(row.located.violations)
            self._others.add(self._document(row))

    def _divide(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        """The rejections with and without a row. Those of a replay that refer to another one have a row, as that has."""
        free = [row for row in rows if row.located.replay_of is None]
        if not free:
            return rows, []
        count = 0
        if self._more_rows:
            limit = self._limits.rejections_per_table
            count = reserve_rows(self._cursor, self._run_id, self._table, len(free), limit)
            self._more_rows = count == len(free)
        if count == len(free):
            return rows, []
        others = free[count:]
        without = set(map(id, others))
        return [row for row in rows if id(row) not in without], others

    def _with_text(self, rows: Sequence[Row]) -> int:
        """How many of the rows have their text in the database."""
        if not rows or not self._more_text:
            return 0
        wanted, budget = sum(row.size for row in rows), self._limits.rejected_text_bytes
        room = reserve_text(self._cursor, self._run_id, self._table.dataset, wanted, budget)
        self._more_text = room >= wanted
        for count, row in enumerate(rows):
            room -= row.size
            if room < 0:
                return count
            self.used += row.size
        return len(rows)

    def _without_text(self, row: Row) -> bytes:
        at, errors = row.located, row.errors
        location = self._sources.locate(at) if len(errors.json) <= SHORT_ERRORS else None
        if location is not None:
            return self._rows.with_location(at, errors.field, location.as_json())
        self._reasons.add(at.violations)
        location = self._texts.add(f'{{"raw":{row.raw.decode()},"errors":{errors.json.decode()}}}')
        codes = as_json([{"code": code} for code in dict.fromkeys(v.code for v in at.violations)])
        return self._rows.with_location(at, json_field(codes.encode()), location.as_json())

    def _document(self, row: Row) -> str:
        """The rejection as the API lists others, without an id."""
        at = row.located
        source = {"migration_id": at.migration_id, "file": at.file, "line": at.line, "offset": at.offset}
        head = as_json({"id": None, "dataset": self._table.dataset, "table": self._table.name})
        tail = as_json({"source": source, "rejected_at": self._time, "replayed_at": None})
        return f'{head[:-1]}, "raw": {row.raw.decode()}, "errors": {row.errors.json.decode()}, {tail[1:]}'
