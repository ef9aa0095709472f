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
    parents = {
        column: (key.parent, parent_column)
        for key in table.foreign_keys
        for column, parent_column in zip(key.columns, key.parent_columns, strict=True)
    }
    row = {}
    for column in table.columns:
        if column.name in parents:
            row[column.name] = _parent_value(dataset, *parents[column.name])
        elif column.rule.digest is None:
            row[column.name] = _value(table, column)
    return row


def _parent_value(dataset: Dataset, name: str, column: str) -> Any:
    parent = dataset.table(name)
    digest = parent.by_name[column].rule.digest
    row = example_row(dataset, parent)
    return digest.of(row) if digest else row[column]


def _value(table: Table, column: Column) -> Any:
    rule = column.rule
    if rule.choices:
        return rule.choices[0]
    if isinstance(column.type, WholeNumber):
        return 1 if rule.ge is None else max(1, int(rule.ge))
    if not isinstance(column.type, Text):
        return column.type.sample()
    return _text(f"{table.name}.{column.name}", rule.pattern) if rule.pattern else f"example {column.name}"


def _text(seed: str, pattern: str) -> str:
    """A text that matches ``^[class]{n}$``; the same for the same seed."""
    match = _CLASS.fullmatch(pattern)
    if match is None:
        raise ValueError(f"no example can be generated for the pattern {pattern}")
    spelled = _SPAN.sub(lambda span: "".join(map(chr, range(ord(span[1]), ord(span[2]) + 1))), match[1])
    length = int(match[2])
    digits = hashlib.sha256(seed.encode()).digest() * math.ceil(length / 32)
    return "".join(spelled[digit % len(spelled)] for digit in digits[:length])
