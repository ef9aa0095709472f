"""The validation rules of a table, derived from the catalogue, and the error codes that belong to each rule."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dataforge.tables.catalogue import Column, Table

Kind = Literal["not_null", "type", "pattern", "range", "uniqueness", "foreign_key", "record"]

# Codes are pydantic's error types and Data Forge's own. A code without a matching rule (a new code of pydantic's, for
# example) counts for the rule of the record, so every rejection is counted.
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("not_null", re.compile("missing")),
    ("uniqueness", re.compile("conflict|duplicate_in_batch")),
    ("foreign_key", re.compile("foreign_key")),
    ("pattern", re.compile("string_pattern_mismatch|literal_error|digest_mismatch")),
    (
        "range",
        re.compile(
            "(greater|less)_than(_equal)?|string_too_(short|long)|decimal_(max_.*|whole_digits)|finite_number|int_parsing_size"
        ),
    ),
    ("type", re.compile(".*_(type|parsing|unicode)|timezone_naive|int_from_float|datetime_.*")),
)


@dataclass(frozen=True)
class Rule:
    """One rule of a table. ``column`` is "" for a rule of the whole record."""

    kind: Kind
    column: str


def rules_of(table: Table) -> list[Rule]:
    """The rules of a table, in the order of its columns."""
    references = {key.column for key in table.foreign_keys}
    found = [rule for column in table.columns for rule in _of_column(column, references)]
    if None in references:
        found.append(Rule("foreign_key", ""))
    return [*found, Rule("uniqueness", ""), Rule("record", "")]


def _of_column(column: Column, references: Container[str | None]) -> Iterator[Rule]:
    rule = column.rule
    if not column.nullable:
        yield Rule("not_null", column.name)
    yield Rule("type", column.name)
    if rule.pattern or rule.choices or rule.digest:
        yield Rule("pattern", column.name)
    limits = (rule.ge, rule.le, rule.min_length, rule.max_length)
    if column.type.name == "numeric" or any(limit is not None for limit in limits):
        yield Rule("range", column.name)
    if column.name in references:
        yield Rule("foreign_key", column.name)


def count_failures(table: Table, counted: Mapping[tuple[str, str], int]) -> dict[Rule, int]:
    """The failures of each rule, from counts by (column, code)."""
    failures = dict.fromkeys(rules_of(table), 0)
    for (column, code), count in counted.items():
        kind: Kind = next((kind for kind, codes in _KINDS if codes.fullmatch(code)), "record")
        rule = Rule("uniqueness", "") if kind == "uniqueness" else Rule(kind, column)
        failures[rule if rule in failures else Rule("record", "")] += count
    return failures


def as_documents(failures: Mapping[Rule, int], read: int) -> list[dict[str, Any]]:
    """The rules with their pass rates, which are null if no record was read."""
    return [
        {
            "rule": rule.kind,
            "column": rule.column or None,
            "checked": read,
            "failed": count,
            "pass_rate": None if not read else max(0.0, 1 - count / read),
        }
        for rule, count in failures.items()
    ]
