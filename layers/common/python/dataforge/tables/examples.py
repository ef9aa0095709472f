"""Generate an example row for each table from the rules of its columns; references between examples are valid."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.types.numbers import WholeNumber
from dataforge.tables.types.text import Text

_CLASS = re.compile(r"\^\[([^\]]+)\]\{(\d+)\}\$")
_SPAN = re.compile(r"(.)-(.)")


def example_row(dataset: Dataset, table: Table) -> dict[str, Any]:
    """The data of a valid row, with a value for each column that is not a digest. Its parents are the parents' examples."""
    row = {}
    for column in table.columns:
        home, origin = _origin(dataset, table, column)
        if (home, origin) != (table, column):
            digest = origin.rule.digest
            row[column.name] = digest.of(example_row(dataset, home)) if digest else _value(home, origin)
        elif column.rule.digest is None:
            row[column.name] = _value(table, column)
    return row


def _origin(dataset: Dataset, table: Table, column: Column) -> tuple[Table, Column]:
    """The column from which a column takes its value: one that references none, or the first one of a circle.

    Columns that references connect all have the same value, so that every reference of the examples is valid.
    """
    connected = _connected(dataset, (table.name, column.name))
    referring = {
        (child.name, own)
        for child in dataset.tables.values()
        for key in child.references
        for own in key.columns
    }
    home, name = next((place for place in connected if place not in referring), connected[0])
    return dataset.table(home), dataset.table(home).by_name[name]


def _connected(dataset: Dataset, start: tuple[str, str]) -> list[tuple[str, str]]:
    """The columns that references connect with a column, as (table, column), in the order of the declaration."""
    pairs = [
        ((table.name, own), (key.parent, of_parent))
        for table in dataset.tables.values()
        for key in table.references
        for own, of_parent in zip(key.columns, key.parent_columns, strict=True)
    ]
    found, pending = {start}, [start]
    while pending:
        place = pending.pop()
        new = {b for a, b in pairs if a == place} | {a for a, b in pairs if b == place}
        pending += new - found
        found |= new
    return [(t.name, c) for t in dataset.tables.values() for c in t.column_names if (t.name, c) in found]


def _value(table: Table, column: Column) -> Any:
    rule = column.rule
    if rule.choices:
        return rule.choices[0]
    if isinstance(column.type, WholeNumber):
        return 1 if rule.ge is None else max(1, int(rule.ge))
    if not isinstance(column.type, Text):
        return column.type.sample()
    if rule.pattern:
        return _text(f"{table.name}.{column.name}", rule.pattern)
    limits = (rule.max_length, rule.max_bytes, column.type.length)
    shortest = min((limit for limit in limits if limit is not None), default=None)
    return f"example {column.name}".ljust(rule.min_length or 0, "x")[:shortest]


def _text(seed: str, pattern: str) -> str:
    """A text that matches ``^[class]{n}$``; the same for the same seed."""
    match = _CLASS.fullmatch(pattern)
    if match is None:
        raise ValueError(f"no example can be generated for the pattern {pattern}")
    spelled = _SPAN.sub(lambda span: "".join(map(chr, range(ord(span[1]), ord(span[2]) + 1))), match[1])
    length = int(match[2])
    digits = hashlib.sha256(seed.encode()).digest() * math.ceil(length / 32)
    return "".join(spelled[digit % len(spelled)] for digit in digits[:length])
