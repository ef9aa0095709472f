"""Validate one record against its row model: the result is a row's canonical texts, or violations.

Ingestion, migration and the command line use this module. The bulk path (``dataforge.bulk``) recognises values that are
already canonical, and passes all other rows to it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Column, Table
from dataforge.tables.cleaning import Clean, Cleaning
from dataforge.tables.row import Row

ROW_HASH = "dataforge-row-1"
"""Version of the row text and its hash. Manifests and reports store it."""

CHECK = "check"
"""The code of a broken table check."""

Texts = tuple[str | None, ...]
"""A row as canonical texts in column order; None is NULL."""

_NUMBERED = {"date", "time", "timestamp", "timestamptz", "interval", "boolean"}
"""The kinds of columns whose values a file of JSON may write as numbers, if a format is declared."""

Cleanings = Counter[tuple[str, str]]
"""The number of values that a cleaning changed, by (column, cleaning)."""

_CODES = {"extra_forbidden": "unknown_column"}
_CONSEQUENCES = {"default_factory_not_called"}
_COPY_QUOTED = re.compile('[,"\r\n]')
_QUOTED = re.compile(r'[\s"(),\\]|^$', re.ASCII)


def validate(table: Table, record: Mapping[str, Any], cleanings: Cleanings) -> Texts | list[Violation]:
    """The record's canonical texts, or all its violations.

    ``record`` maps columns to values from JSON or CSV; an omitted column is NULL, or its default. Changes by cleaning are
    added to ``cleanings``.
    """
    cleaned = clean(table, record, cleanings)
    for name in table.defaulted:
        if name not in cleaned:
            cleanings[name, "defaulted"] += 1
    try:
        row = table.model.model_validate(cleaned)
    except ValidationError as error:
        return violations(error)
    values = texts(table, row)
    return broken_checks(table, values) or values


def broken_checks(table: Table, values: Sequence[str | None]) -> list[Violation]:
    """The violations of table checks by a row of valid values."""
    return [
        Violation(CHECK, f"The row breaks the check {check.name}: {check.text}")
        for check in table.checks
        if not check.holds(values)
    ]


def rewrite(table: Table, record: Mapping[str, Any], cleanings: Cleanings) -> Mapping[str, Any]:
    """The record of a file with the values that its columns' formats rewrite ("formatted", "emptied")."""
    rewritten: dict[str, Any] | None = None
    for column in table.columns:
        value = record.get(column.name)
        given = rewritable(column, value)
        if given is None:
            continue
        text, names = rewrite_value(column, given)
        if names:
            rewritten = dict(record) if rewritten is None else rewritten
            cleanings.update((column.name, name) for name in names)
            rewritten[column.name] = text
    return record if rewritten is None else {n: v for n, v in rewritten.items() if v is not None}


def rewritable(column: Column, value: Any) -> str | None:
    """The text that the column's format may rewrite, or None.

    Of JSON numbers, it rewrites only epochs, lengths, Boolean values, and those that mean NULL.
    """
    if column.format is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    text = str(value)
    return text if column.type.name in _NUMBERED or text in column.format.null else None


def rewrite_value(column: Column, value: str) -> tuple[str | None, tuple[Cleaning, ...]]:
    """The value after its format (None: it means NULL), and the names of the changes."""
    if column.format is None:
        return value, ()
    bare = value.strip()
    text = column.format.rewrite(column.type.name, bare)
    if text is None:
        return None, ("emptied",)
    return (value, ()) if text == bare else (text, ("formatted",))


def clean(table: Table, record: Mapping[str, Any], cleanings: Cleanings) -> dict[str, Any]:
    """The record, cleaned as its columns declare."""
    cleaned = dict(record)
    for column in table.columns:
        value = record.get(column.name)
        if column.clean is None or not isinstance(value, str):
            continue
        replaced, names = clean_value(column.clean, value)
        if names:
            cleanings.update((column.name, name) for name in names)
            cleaned[column.name] = replaced
            if replaced is None:
                del cleaned[column.name]
    return cleaned


def clean_value(rule: Clean, value: str) -> tuple[str | None, tuple[Cleaning, ...]]:
    """The cleaned value (None: it was empty), and the cleanings that changed it."""
    names: list[Cleaning] = []
    for name, change in rule.changes:
        changed = change(value)
        if changed == value:
            continue
        names.append(name)
        value = changed
        if not value and rule.trim:
            break
    if rule.trim and not value:
        return None, (*names, "emptied")
    return value, tuple(names)


def violations(error: ValidationError) -> list[Violation]:
    """pydantic's errors as violations, without the values."""
    return [violation(item, item["loc"]) for item in findings(error)]


def findings(error: ValidationError) -> list[ErrorDetails]:
    """pydantic's errors, except those that only follow from others."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [item for item in found if item["type"] not in _CONSEQUENCES]


def violation(item: ErrorDetails, loc: Sequence[int | str]) -> Violation:
    """One error as a violation; ``loc`` is its path inside the record."""
    return Violation(_CODES.get(item["type"], item["type"]), item["msg"], str(loc[0]) if loc else None)


def texts(table: Table, row: Row) -> Texts:
    """The canonical texts of a valid row."""
    values = row.__dict__
    return tuple(None if (v := values[c.name]) is None else c.type.text(v) for c in table.columns)


def row_text(values: Iterable[str | None]) -> str:
    """The row as PostgreSQL prints a composite value: ``(a,"b c",,"")``. NULL is empty, the empty string is ``""``."""
    return "(" + ",".join("" if v is None else quote(v) for v in values) + ")"


def quote(value: str) -> str:
    """One value in a row's text."""
    if not _QUOTED.search(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '""') + '"'


def row_hash(text: str | bytes) -> int:
    """The first 8 bytes of the MD5 of a row's text (UTF-8), as a signed 64-bit integer.

    A table's content hash is the sum over its rows. MD5, because PostgreSQL computes it in C; it detects accidental changes.
    """
    data = text.encode() if isinstance(text, str) else text
    return int.from_bytes(hashlib.md5(data, usedforsecurity=False).digest()[:8], "big", signed=True)


def content_hash(total: int) -> str:
    """A sum of row hashes as 16 hex digits (modulo 2**64)."""
    return f"{total % 2**64:016x}"


def copy_line(values: Sequence[str | None]) -> str:
    """The row as one line of ``COPY ... (FORMAT csv)``; NULL is an empty unquoted field."""
    return ",".join("" if v is None else _copy_field(v) for v in values)


def _copy_field(value: str) -> str:
    if value and not _COPY_QUOTED.search(value) and value != "\\.":
        return value
    return '"' + value.replace('"', '""') + '"'
