"""Store the rejections of one table: as rows with their text, as rows that locate it, or in the report bucket only."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from dataforge.records.rejections import Located, raw_text, without_nul
from dataforge.records.validate import copy_line
from dataforge.records.violation import Violation, first_violations
from dataforge.settings import RejectionLimits
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset
from functions.migrate.run.rejections.limits import reserve_rows, reserve_text
from functions.migrate.run.rejections.objects import LineObjects
from functions.migrate.run.rejections.source import SourceTexts
from functions.migrate.run.rejections.uncounted import ReasonCounter, Uncounted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_COPY = (
    'COPY dataforge.rejections (dataset, "table", raw, errors, migration_id, file, line, "offset", replay_of, raw_at,'
    " text_bytes) FROM STDIN (FORMAT csv)"
)

# json.dumps() would create an encoder for each call with ensure_ascii=False: half of the time here.
_json = json.JSONEncoder(ensure_ascii=False).encode

_BUFFER = 1 << 20
"""The characters of text that are stored at once; Python may need four bytes for each."""

MOST_ERRORS = 1_000
"""The errors of one record that are stored. A record of JSON may have an unknown key every few bytes."""

SHORT_ERRORS = 300
"""Bytes of the errors that a row without the text of its record has. Longer ones are in the report bucket."""


class _Errors(NamedTuple):
    """The violations of a record as JSON, as a field of COPY, and their size in bytes."""

    json: str
    field: str
    size: int


class _Row(NamedTuple):
    """A rejection with its record as JSON, its errors, and the size of both in bytes."""

    located: Located
    raw: str
    errors: _Errors
    size: int


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
        self._of_table = copy_line((table.dataset, table.name))
        self._sources = SourceTexts(cursor, s3, run_id, get_dataset(table.dataset))
        name = f"{step}-{secrets.token_hex(4)}"
        self._texts = LineObjects(s3, limits.report_bucket, run_id, table.name, f"{name}-texts")
        self._others = LineObjects(s3, limits.report_bucket, run_id, table.name, name)
        self._buffer: list[_Row] = []
        self._buffered = 0
        self._more_rows = self._more_text = True
        self._reasons = ReasonCounter(table)
        self._time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self.used = 0

    def add(self, rejections: Iterable[Located]) -> None:
        """Store the rejections, unless they are few: then the next call does. Raises ``Unavailable``."""
        for located in rejections:
            raw = located.raw if isinstance(located.raw, str) else _json(raw_text(located.raw))
            errors = _errors(tuple(located.violations))
            size = _size(raw) + errors.size
            self._buffer.append(_Row(located, raw, errors, size))
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
        lines = [self._line(row.located, row.raw, row.errors.field, "", row.size) for row in kept[:whole]]
        lines += [self._line_without_text(row) for row in kept[whole:]]
        if lines:
            self._cursor.copy_expert(_COPY, io.StringIO("".join(lines)))
        for row in others:
            self._reasons.add(row.located.violations)
            self._others.add(self._document(row))

    def _divide(self, rows: list[_Row]) -> tuple[list[_Row], list[_Row]]:
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

    def _with_text(self, rows: Sequence[_Row]) -> int:
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

    def _line_without_text(self, row: _Row) -> str:
        location = self._sources.locate(row.located) if row.errors.size <= SHORT_ERRORS else None
        if location is not None:
            return self._line(row.located, "null", row.errors.field, location.as_json(), 0)
        self._reasons.add(row.located.violations)
        location = self._texts.add(f'{{"raw":{row.raw},"errors":{row.errors.json}}}')
        codes = _json([{"code": code} for code in dict.fromkeys(v.code for v in row.located.violations)])
        return self._line(row.located, "null", _quoted(codes), location.as_json(), 0)

    def _line(self, at: Located, raw: str, errors: str, location: str, size: int) -> str:
        """A line of COPY; ``errors`` is a field of it."""
        root = "" if at.replay_of is None else at.replay_of
        where = _quoted(location) if location else ""
        return (
            f"{self._of_table},{_quoted(raw)},{errors},"
            f"{_file(at.migration_id, at.file)},{at.line},{at.offset},{root},{where},{size}\n"
        )

    def _document(self, row: _Row) -> str:
        """The rejection as the API lists others, without an id."""
        at = row.located
        source = {"migration_id": at.migration_id, "file": at.file, "line": at.line, "offset": at.offset}
        head = _json({"id": None, "dataset": self._table.dataset, "table": self._table.name})
        tail = _json({"source": source, "rejected_at": self._time, "replayed_at": None})
        return f'{head[:-1]}, "raw": {row.raw}, "errors": {row.errors.json}, {tail[1:]}'


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@lru_cache(1024)
def _errors(violations: tuple[Violation, ...]) -> _Errors:
    """The errors of a record. Many records have the same."""
    text = _json([without_nul(v).as_json() for v in first_violations(violations, MOST_ERRORS)])
    return _Errors(text, _quoted(text), _size(text))


@lru_cache(16)
def _file(migration_id: str, file: str) -> str:
    return copy_line((migration_id, file))
