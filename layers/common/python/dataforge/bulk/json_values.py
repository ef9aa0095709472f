"""Convert a column of values from JSON to canonical texts, with a mask of the rows that the row model must validate."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.bulk.canonical import (
    CanonicalColumn,
    Validated,
    accepted_column,
    missing_values,
    shortcut,
    validate_column,
    validate_rewritten,
    validate_text,
    validate_value,
)
from dataforge.formats.strict_json import parse
from dataforge.records.validate import rewritable, rewrite_value
from dataforge.tables.catalogue import Column

_TYPED = "\0"
"""Begins the text of a value that is not a string. No string that is read by columns contains NUL."""

_UNREAD = Validated(None, (("json_invalid", ""),))


def canonical_json(column: Column, texts: pa.Array, typed: NDArray[np.bool_]) -> CanonicalColumn:
    """Validate ``texts``, of which ``typed`` are JSON, and the others the characters of strings, without NUL."""
    missing = missing_values(column, texts)
    accepted = _plain_numbers(column, texts)
    if accepted is not None:
        accepted = pc.and_(accepted, pa.array(typed))
        if pc.all(accepted, min_count=0).as_py():
            return accepted_column(column, texts, missing)
    marked = pc.if_else(
        pa.array(typed), pc.binary_join_element_wise(pa.scalar(_TYPED), texts, pa.scalar("")), texts
    )
    return validate_column(column, marked, accepted, missing, texts, validate=_validate)


def _plain_numbers(column: Column, texts: pa.Array) -> pa.Array | None:
    """Mask of the texts that are canonical as JSON numbers (null: NULL); None if no shortcut recognises them."""
    if column.type.name not in ("numeric", "double") or (column.format and column.format.null):
        return None
    return shortcut(column, texts)


def _validate(column: Column, marked: str) -> Validated:
    """Validate a distinct value as ``validate.rewrite`` and ``validate.validate`` do. Rows of invalid JSON are left over."""
    if not marked.startswith(_TYPED):
        return validate_text(column, marked)
    try:
        value = parse(marked.removeprefix(_TYPED).encode())
    except ValueError:
        return _UNREAD
    if value is None or isinstance(value, str):
        # Blanks around it, which are rare, hid what it is.
        return _UNREAD
    given = rewritable(column, value)
    text, names = (None, ()) if given is None else rewrite_value(column, given)
    return validate_rewritten(column, text, names) if names else validate_value(column, value)
