"""Record quality facts: per table, the records that a batch or a migration read, and the rules that they broke.

The facts are written in the transaction of the rows, so that a score always describes the stored rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from pydantic import TypeAdapter

from dataforge.postgres.sql import Sql
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Table

Source = Literal["batch", "migration"]
Rules = Mapping[str, Mapping[str, int]]
"""The number of records that broke a rule, by column and code. The column "" stands for the whole record."""

_RULES: TypeAdapter[Rules] = TypeAdapter(Rules)
"""The column ``rules``, which only SQL reads."""

_INSERT = Sql("""
    INSERT INTO dataforge.quality_facts (source, source_id, dataset, "table", read, accepted, rejected, rules)
    VALUES """)
_VALUES = Sql("(%s, %s, %s, %s, %s, %s, %s, %s)")


def quality_of(read: int, rejected: int) -> Decimal | None:
    """1 − rejected / read; None if nothing was read."""
    return Decimal(read - rejected) / read if read else None


@dataclass(frozen=True)
class Fact:
    """The records of one table that were read and rejected."""

    table: str
    read: int
    rejected: int = 0
    rules: Rules = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Records that are stored, including those that were stored before."""
        return self.read - self.rejected


def broken_rules(table: Table, rejected: Iterable[Sequence[Violation]]) -> Rules:
    """Count the rules that rejected records broke, once per record and rule; unknown columns count under ""."""
    counts: dict[str, Counter[str]] = {}
    for violations in rejected:
        columns = (v.column if v.column in table.by_name else "" for v in violations)
        for column, code in set(zip(columns, (v.code for v in violations), strict=True)):
            counts.setdefault(column or "", Counter())[code] += 1
    return counts


def insert_statement(
    source: Source, source_id: str, dataset: str, facts: Sequence[Fact]
) -> tuple[Sql, list[Any]]:
    """The statement that stores the facts of a batch or a migration, and its parameters. It is not idempotent."""
    values: list[Any] = []
    for fact in facts:
        values += [source, source_id, dataset, fact.table, fact.read, fact.accepted, fact.rejected]
        values.append(_RULES.dump_json(fact.rules).decode())
    return _INSERT + Sql(", ").join([_VALUES] * len(facts)), values
