"""Count the reasons of a run's rejections that the ledger's rows have, and find the first rows of each."""

from __future__ import annotations

import bisect
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from dataforge.postgres.sql import Sql, literal
from functions.migrate.run.rejections.copied import Fields, copy_rows_out
from functions.migrate.run.rejections.uncounted import COUNTED_BY_ROWS, Reason

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from functions.migrate.run.migration import Run


EXAMPLES = 3

_MESSAGE = b', "message": '
"""Comes before the message of each error. The quotes inside of a text of JSON are escaped."""

_MOST_GROUPS = 4_096
"""Different lists of errors in memory."""

_ROWS = Sql(
    "SELECT id, line, to_json(file), errors FROM dataforge.rejections"
    ' WHERE migration_id = {} AND "table" = {} AND {}'
)

Position = tuple[str, int, int]
"""File, line and id of a rejection."""


class StoredReason(NamedTuple):
    """A reason of rejections in rows of the ledger: how many errors and rows have it, and the first rows in file order."""

    table: str
    code: str
    column: str | None
    errors: int
    rows: int
    first: list[Position]


@dataclass
class _Group:
    """Rows with the same errors."""

    rows: int = 0
    first: list[Position] = field(default_factory=list)

    def add(self, position: Position) -> None:
        """Remember the row if it is one of the first."""
        if len(self.first) < EXAMPLES or position < self.first[-1]:
            bisect.insort(self.first, position)
            del self.first[EXAMPLES:]


class Reasons:
    """The reasons of the rejections of one table."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._name: Callable[[bytes], str] = lru_cache(64)(json.loads)
        self._groups: dict[bytes, _Group] = {}
        self._found: dict[Reason, StoredReason] = {}

    def add(self, rows: Iterable[Fields]) -> None:
        """Count rows, which begin with their id, line, file as JSON, and errors."""
        groups = self._groups
        for row in rows:
            # The messages of a few errors differ, such as those of orphans. A document has the code and column before.
            parts = row[3].split(_MESSAGE, 2)
            key = parts[0] if len(parts) == 2 else row[3]
            group = groups.get(key) or groups.setdefault(key, _Group())
            group.rows += 1
            name, line, first = self._name(row[2]), int(row[1]), group.first
            # Most rows come in file order, so that the fourth is none of the first.
            if len(first) < EXAMPLES or line <= first[-1][1] or name != first[-1][0]:
                group.add((name, line, int(row[0])))
        if len(groups) > _MOST_GROUPS:
            self._merge()

    def found(self) -> list[StoredReason]:
        """The reasons of the rows so far."""
        self._merge()
        return list(self._found.values())

    def _merge(self) -> None:
        for key, group in self._groups.items():
            errors = json.loads(key if key.endswith(b"]") else key + b"}]")
            for reason, count in Counter((e["code"], e.get("column")) for e in errors).items():
                known = self._found.get(reason, StoredReason(self._table, *reason, 0, 0, []))
                self._found[reason] = known._replace(
                    errors=known.errors + count * group.rows,
                    rows=known.rows + group.rows,
                    first=sorted(known.first + group.first * count)[:EXAMPLES],
                )
        self._groups.clear()


def read_reasons(cursor: Cursor, run: Run) -> Iterator[StoredReason]:
    """The reasons of the run's rejections that the ledger's rows have."""
    for table in run.tables:
        reasons = Reasons(table.name)
        query = _ROWS.format(literal(run.id), literal(table.name), COUNTED_BY_ROWS)
        copy_rows_out(cursor, query, reasons.add)
        yield from reasons.found()
