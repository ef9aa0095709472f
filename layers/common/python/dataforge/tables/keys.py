"""The primary key of a table: the columns marked ``Key``, or the whole row of a distinct table that fits into an index."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic.fields import FieldInfo

from dataforge.tables.catalogue import Column
from dataforge.tables.columns import Identity, Key
from dataforge.tables.fields import ColumnRule, markers
from dataforge.tables.row import Row
from dataforge.tables.types.numbers import WholeNumber
from dataforge.tables.types.text import Text

INDEX_COLUMNS = 32
"""The limit of PostgreSQL."""
_ENTRY_BYTES = 2_704
"""The limit of an entry of a B-tree with pages of 8 kB."""

_CHARACTER_BYTES = 4
_PATTERN_BYTES = 32
"""Assumed for a text that only its pattern limits, such as an id or a code."""
_VALUE_BYTES = 8
"""Of a number or date; a decimal is shorter in most cases."""
_UNLIMITED = {"array", "bytea", "jsonb"}


def marked_key(model: type[Row]) -> tuple[str, ...]:
    """The columns that are marked ``Key``, in the model's order."""
    fields = model.__pydantic_fields__
    return tuple(n for n, f in fields.items() if any(isinstance(m, Key) for m in markers(f)))


def primary_key(model: type[Row], columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns of the primary key; empty if the table has none.

    Without a ``Key``, a distinct table has a primary key of all columns if none may be NULL and every row fits into an entry
    of an index. PostgreSQL enforces other distinct tables by an index on a hash of the row.
    """
    marked = marked_key(model)
    if marked or not model.__distinct__ or len(columns) > INDEX_COLUMNS:
        return marked
    sizes = [None if column.nullable else _most_bytes(column.rule) for column in columns]
    limited = [size for size in sizes if size is not None]
    fits = len(limited) == len(sizes) and sum(limited) <= _ENTRY_BYTES
    return tuple(column.name for column in columns) if fits else ()


def _most_bytes(rule: ColumnRule) -> int | None:
    """The bytes of the longest value in an index; None without a limit."""
    if rule.type.name in _UNLIMITED:
        return None
    if not isinstance(rule.type, Text):
        return _VALUE_BYTES
    if rule.max_bytes is not None:
        return rule.max_bytes
    if rule.choices:
        return max(len(str(choice).encode()) for choice in rule.choices)
    length = rule.max_length or rule.type.length
    if length is not None:
        return _CHARACTER_BYTES * length
    return _PATTERN_BYTES if rule.pattern else None


def refuse_distinct(model: type[Row]) -> None:
    """Refuse ``distinct`` beside a key, which makes rows distinct already."""
    marked = marked_key(model)
    if marked and model.__distinct__:
        raise ValueError(
            f"the table has distinct=True and the key {', '.join(marked)}; remove one of them: "
            "rows with a key are distinct"
        )


def is_identity(name: str, info: FieldInfo, rule: ColumnRule) -> bool:
    """Whether PostgreSQL generates omitted values of a column. Refuses other columns than required integers."""
    if not any(isinstance(m, Identity) for m in markers(info)):
        return False
    if not isinstance(rule.type, WholeNumber) or rule.choices or rule.nullable or rule.default is not None:
        raise ValueError(
            f"column {name} has Identity(), which needs an integer without | None and without a default: "
            "declare it as Integer or BigInt"
        )
    return True


def refuse_identities(columns: Sequence[Column]) -> None:
    """Refuse several identity columns in a table."""
    names = [column.name for column in columns if column.identity]
    if len(names) > 1:
        raise ValueError(
            f"columns {' and '.join(names)} have Identity(); PostgreSQL generates one of them at most"
        )
