"""Convert Arrow values to canonical texts and whole row texts, by columns, to verify and restore Parquet files.

``dataforge.tables.types`` defines the text of a value. Where Arrow writes a value in the same way, Arrow's text is
used; other values are written one by one, each distinct value once.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from dataforge.bulk.canonical import DOUBLE, TINY, quote_free_text
from dataforge.tables.types.base import ColumnType

_SECONDS = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"
_DOUBLE = rf"{DOUBLE}|^-?0$"
_MARK = pa.scalar('"')
_NO_TEXT = pa.scalar(None, pa.string())


def row_bodies(types: Mapping[str, ColumnType], batch: pa.RecordBatch | pa.Table) -> pa.Array:
    """The rows' texts without their parentheses; columns in the order of ``types``.

    A column that the batch lacks is NULL in every row.
    """
    return _join([_quoted(kind, _column(batch, name)) for name, kind in types.items()])


def join_texts(types: Mapping[str, ColumnType], texts: pa.Table) -> pa.Array:
    """``row_bodies`` of columns of canonical texts."""
    return _join([_quote(kind, _column(texts, name)) for name, kind in types.items()])


def _join(quoted: list[pa.Array]) -> pa.Array:
    return pc.binary_join_element_wise(*quoted, ",", null_handling="replace", null_replacement="")


def _column(batch: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.string())
    column = batch.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _quoted(kind: ColumnType, values: pa.Array) -> pa.Array:
    """Texts in the form of a row's text; null stays null."""
    if pa.types.is_null(values.type) or values.null_count == len(values):
        return pa.nulls(len(values), pa.string())
    return _quote(kind, kind.texts(values))


def _quote(kind: ColumnType, texts: pa.Array) -> pa.Array:
    """Canonical texts in the form of a row's text."""
    match kind.quoting:
        case "never":
            return texts
        case "always":
            return pc.binary_join_element_wise(_MARK, texts, _MARK, "")
    return quote_free_text(texts)


def double_texts(kind: ColumnType, values: pa.Array) -> pa.Array:
    """The canonical texts of doubles: Arrow's where both write a value alike."""
    return _by_pattern(kind, values, _DOUBLE, unless=TINY)


def timestamp_texts(kind: ColumnType, values: pa.Array) -> pa.Array:
    """The canonical texts of timestamps: whole seconds of four-digit years by Arrow, other values one by one."""
    try:
        return _by_pattern(kind, values.cast(pa.timestamp("s")), _SECONDS)
    except pa.ArrowInvalid:
        return texts_one_by_one(kind, values)


def _by_pattern(kind: ColumnType, values: pa.Array, pattern: str, unless: str = "") -> pa.Array:
    """Arrow's text if it matches the pattern, otherwise the storage type's."""
    texts = pc.cast(values, pa.string())
    known = pc.match_substring_regex(texts, pattern)
    if unless:
        known = pc.and_(known, pc.invert(pc.match_substring(texts, unless)))
    if pc.all(known, min_count=0).as_py():
        return texts
    others = texts_one_by_one(kind, pc.if_else(known, pa.scalar(None, values.type), values))
    return pc.coalesce(pc.if_else(known, texts, _NO_TEXT), others)


def texts_one_by_one(kind: ColumnType, values: pa.Array) -> pa.Array:
    """The canonical texts of any type, each distinct value once."""
    encoded = values.dictionary_encode()
    texts = pa.array([kind.text(kind.from_arrow(v)) for v in encoded.dictionary.to_pylist()], pa.string())
    return texts.take(encoded.indices)
