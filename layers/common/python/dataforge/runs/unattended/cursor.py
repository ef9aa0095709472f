"""A cursor whose statements PostgreSQL completes, each in its own transaction, and whose results are in the ledger.

A function that uses it can be called again with the same arguments after it was interrupted: the statements that are
complete are not executed again, but give their results, so that it continues where it was. It must execute the same
statements in the same order then, so it may depend on their results only.

Each statement is committed, so it must be part of work that is not visible yet, such as a run's shadows. Savepoints do
nothing: of the statements after one, only the last can fail. SET LOCAL applies to all later statements.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import cursor as base

from dataforge.errors import WorkContinues
from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.sql import Sql, from_catalog
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.work import Unattended, Work, complete, forget_failed

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_SAVEPOINTS = ("SAVEPOINT ", "ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT ")
_QUERIES = ("SELECT", "WITH")


class _Cursor(base):
    """See the module. ``first``: statements that begin each transaction."""

    def bind(self, db: Connection, how: Unattended, execution: str, work: Work, first: Script) -> None:
        """Set what the statements need."""
        self._db, self._how, self._execution, self.work = db, how, execution, work
        self._first, self._settings = first, list[Sql]()
        self._rows: list[tuple[Any, ...]] = []
        self._count = -1

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  the name of psycopg2
        """Execute the statement, unless its result is in the ledger."""
        statement = from_catalog(query if vars is None else self.mogrify(query, vars).decode())
        text = statement.lstrip()
        if text.startswith(_SAVEPOINTS):
            return
        if text.startswith("SET LOCAL "):
            self._settings.append(statement)
            return
        is_query = text[:6].upper().startswith(_QUERIES)
        self.work = self.work._replace(number=self.work.number + 1)
        result = complete(
            self._db,
            self._how,
            self._execution,
            self.work,
            lambda: self._script(statement, is_query=is_query),
            hashlib.sha256(text.encode()).hexdigest(),
        )
        if is_query:
            self._rows = _read_rows(result)
            self._count = len(self._rows)
        else:
            self._rows, self._count = [], int(json.loads(result) or 0)

    def _script(self, statement: Sql, *, is_query: bool) -> Script:
        script = Script()
        script.extend(self._first)
        for setting in self._settings:
            script.execute(setting)
        (script.collect if is_query else script.count)(statement)
        return script

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The remaining rows."""
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Some of the remaining rows."""
        rows, self._rows = self._rows[: size or 1], self._rows[size or 1 :]
        return rows

    def __iter__(self) -> Any:
        return iter(self.fetchall())

    @property
    def rowcount(self) -> int:
        """The number of rows of the last statement."""
        return self._count


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, whose names may repeat."""


def _read_rows(result: str) -> list[tuple[Any, ...]]:
    """The rows of a result, an array of objects. Numbers with decimals are exact."""
    rows = json.loads(result, object_pairs_hook=_Pairs, parse_float=Decimal) or []
    return [tuple(_value(value) for _, value in row) for row in rows]


def _value(value: Any) -> Any:
    """A value of a row, of which an object is a document."""
    if isinstance(value, _Pairs):
        return {name: _value(inner) for name, inner in value}
    return [_value(inner) for inner in value] if isinstance(value, list) else value


@contextmanager
def unattended_cursor(
    db: Connection, how: Unattended, execution: str, work: Work, first: Script
) -> Iterator[Cursor]:
    """A cursor for the work of this name. ``first``: statements that begin each transaction, such as a lease.

    Its results stay in the ledger until ``forget``; only that of a statement whose error ends the work is deleted, so that
    it is executed again.
    """
    with translated(), db.cursor(cursor_factory=_Cursor) as cursor:
        cursor.bind(db, how, execution, work, first)
        try:
            yield cursor
        except WorkContinues:
            raise
        except Exception:
            with transaction(db, role=how.role) as plain:
                forget_failed(plain, how, cursor.work)
            raise
