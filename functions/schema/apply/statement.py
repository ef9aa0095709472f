"""A statement of a deployment, with what it locks and how much it reads, and the execution of a list of them.

The list is computed from the database and the catalogue before anything is changed (see ``functions.schema.apply.dataset``).
``dataforge plan`` shows it; a deployment executes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from functions.schema.apply.statements import execute

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


class Step(IntEnum):
    """When a statement runs: each step handles all tables before the next step."""

    CREATE = 0
    RENAME = 1
    DETACH = 2
    DROP = 3
    COLUMNS = 4
    CONSTRAINTS = 5
    FOREIGN_KEYS = 6
    INDEXES = 7
    COMPLETE = 8


class Lock(StrEnum):
    """The lock on the statement's table, by what it blocks. PostgreSQL holds it until the deployment commits."""

    NOTHING = "nothing"
    WRITES = "writes"
    ALL = "reads and writes"


class Work(StrEnum):
    """How much of the table a statement reads or writes while it holds its lock."""

    NONE = "catalog"
    SCAN = "scan"
    INDEX = "index"
    REWRITE = "rewrite"


@dataclass(frozen=True)
class Statement:
    """``table``: its declared name, qualified. ``parents``: further tables that are locked in the same way.

    ``what`` begins a refusal; ``change`` describes the success, empty for statements that are not reported. ``subject`` is
    the column, constraint or index: after a refusal, its further statements are omitted.
    """

    step: Step
    table: str
    sql: Sql
    what: str
    change: str = ""
    subject: str = ""
    lock: Lock = Lock.ALL
    work: Work = Work.NONE
    parents: tuple[str, ...] = ()
    rows: int = 0
    size: int = 0


def run(cursor: Cursor, statements: Iterable[Statement], refusals: list[str]) -> Iterator[str]:
    """Execute statements in the order of their steps. Yields the changes, and appends PostgreSQL's refusals.

    A table with a refused column gets no constraints, and after a refusal there are no foreign keys, to report only causes.
    """
    refused: set[tuple[str, str]] = set()
    for statement in sorted(statements, key=lambda each: each.step):
        if statement.step >= Step.FOREIGN_KEYS and refusals:
            return
        if (statement.table, statement.subject) in refused:
            continue
        if statement.step == Step.CONSTRAINTS and (statement.table, "") in refused:
            continue
        refusal = execute(cursor, statement.what, statement.sql)
        if not refusal:
            yield from [statement.change] if statement.change else []
            continue
        refusals.append(refusal)
        refused.add((statement.table, statement.subject))
        if statement.step <= Step.COLUMNS and statement.step != Step.DROP:
            refused.add((statement.table, ""))
