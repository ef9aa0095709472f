"""Quality facts: what a batch or a migration read of each table, accepted and rejected, and by which rules.

Written in the transaction of the rows themselves, so that a score computed from them is about what is stored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dataforge.postgres.sql import Sql
from dataforge.records.validate import Violation
from dataforge.tables.catalogue import Table

Source = Literal["batch", "migration"]
Rules = Mapping[str, Mapping[str, int]]
"""How many records broke a rule: column -> code -> count. The column "" stands for the record as a whole."""

_KEEP = Sql("""
    INSERT INTO dataforge.quality_facts (source, source_id, dataset, "table", read, accepted, rejected, rules)
    VALUES """)
_VALUES = Sql("(%s, %s, %s, %s, %s, %s, %s, %s)")


@dataclass(frozen=True)
class Fact:
    """What was read of one table, and how much of it was rejected."""

    table: str
    read: int
    rejected: int = 0
    rules: Rules = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Records that are rows, or were rows already."""
        return self.read - self.rejected


def broken_rules(table: Table, rejected: Iterable[Sequence[Violation]]) -> Rules:
    """The rules that rejected records broke, each record once per rule; what names no column of the table is under ""."""
    counts: dict[str, Counter[str]] = {}
    for violations in rejected:
        columns = (v.column if v.column in table.by_name else "" for v in violations)
        for column, code in set(zip(columns, (v.code for v in violations), strict=True)):
            counts.setdefault(column or "", Counter())[code] += 1
    return counts


def keep_statement(
    source: Source, source_id: str, dataset: str, facts: Sequence[Fact]
) -> tuple[Sql, list[Any]]:
    """The statement that keeps the facts of a batch or a migration, and its parameters. Facts are kept once per source."""
    values: list[Any] = []
    for fact in facts:
        values += [source, source_id, dataset, fact.table, fact.read, fact.accepted, fact.rejected]
        values.append(json.dumps(fact.rules))
    return _KEEP + Sql(", ").join([_VALUES] * len(facts)), values
