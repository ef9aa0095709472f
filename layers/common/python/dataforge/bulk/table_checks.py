"""Decide table checks by columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.tables.catalogue import Table
from dataforge.tables.checks import Comparison, TableCheck
from dataforge.tables.types.base import ColumnType

_COMPARE = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def failing(table: Table, quoted: Sequence[pa.Array]) -> NDArray[np.bool_]:
    """A mask of the rows that break a check. ``quoted``: the columns' canonical texts in the form of a row's text."""
    mask = np.zeros(len(quoted[0]), np.bool_)
    for check in table.checks:
        texts = {p: _unquoted(table.columns[p].type, quoted[p]) for p in check.positions}
        if isinstance(check, Comparison) and check.left.type.order == "text":
            mask |= _by_texts(check, texts)
        else:
            mask |= _by_distinct_values(check, len(table.columns), texts)
    return mask


def _by_texts(check: Comparison, texts: dict[int, pa.Array]) -> NDArray[np.bool_]:
    """Of types whose texts sort as their values."""
    left, right = (
        pa.scalar(operand.text) if operand.position is None else texts[operand.position]
        for operand in (check.left, check.right)
    )
    holds = pc.fill_null(_COMPARE[check.sign](left, right), True)
    return ~np.asarray(holds.to_numpy(zero_copy_only=False))


def _by_distinct_values(check: TableCheck, width: int, texts: dict[int, pa.Array]) -> NDArray[np.bool_]:
    """Decide every distinct combination of values once."""
    values, codes = [], []
    for column in texts.values():
        encoded = column.dictionary_encode()
        values.append([*encoded.dictionary.to_pylist(), None])
        codes.append(pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False))
    combined = np.zeros(len(codes[0]), np.int64)
    for known, code in zip(values, codes, strict=True):
        _, combined = np.unique(combined * len(known) + code, return_inverse=True)
    _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
    row: list[str | None] = [None] * width
    broken = np.zeros(len(first), np.bool_)
    for number, place in enumerate(first.tolist()):
        for position, known, code in zip(texts, values, codes, strict=True):
            row[position] = known[code[place]]
        broken[number] = not check.holds(row)
    return broken[inverse]


def _unquoted(kind: ColumnType, quoted: pa.Array) -> pa.Array:
    """The canonical texts, without the quotes of a row's text."""
    if kind.quoting == "never":
        return quoted
    inner = pc.utf8_slice_codeunits(quoted, 1, -1)
    if kind.quoting == "sometimes":
        inner = pc.replace_substring(pc.replace_substring(inner, '""', '"'), "\\\\", "\\")
    return pc.if_else(pc.starts_with(quoted, '"'), inner, quoted)
