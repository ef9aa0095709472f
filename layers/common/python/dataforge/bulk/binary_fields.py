"""Values in PostgreSQL's binary format, by columns: what the binary COPY of each type is made of.

All integers are big-endian. Source: the ``_send`` functions of PostgreSQL, such as ``numeric_send`` and ``array_send``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.bulk.row_hashes import text_bytes

_NUMERIC_NEGATIVE = 0x4000
_BASE_DIGITS = 4
"""A digit of a numeric is a number below 10,000."""
_WEIGHTS = np.array([1000, 100, 10, 1], np.int16)

Bytes = NDArray[np.uint8]
"""Values of one width: (rows, bytes)."""


def big_endian(values: pa.Array, layout: str) -> Bytes:
    """Numbers in numpy's ``layout``; 0 for null."""
    filled = pc.fill_null(values, pa.scalar(0, values.type)) if values.null_count else values
    numbers = np.ascontiguousarray(filled.to_numpy(zero_copy_only=False), layout)
    return numbers.view(np.uint8).reshape(len(numbers), numbers.itemsize)


def fixed_array(values: Bytes) -> pa.Array:
    """Values of one width as an Arrow array."""
    rows, width = values.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    data = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def numerics(values: pa.Array) -> Bytes:
    """Number of digits, weight of the first (a power of 10,000), sign, scale, and the digits without leading zeros."""
    precision, scale = values.type.precision, values.type.scale
    before, behind = -(-(precision - scale) // _BASE_DIGITS), -(-scale // _BASE_DIGITS)
    texts = pc.cast(_unscaled(values), pa.string())
    padded = pc.utf8_lpad(pc.utf8_ltrim(texts, "-"), precision, "0")
    decimal = np.zeros((len(values), _BASE_DIGITS * (before + behind)), np.uint8)
    first = _BASE_DIGITS * before - (precision - scale)
    figures = np.frombuffer(text_bytes(padded), np.uint8).reshape(len(values), precision)
    decimal[:, first : first + precision] = figures - ord("0")
    found = np.empty((len(values), 4 + before + behind), ">i2")
    found[:, 0], found[:, 1], found[:, 3] = before + behind, before - 1, scale
    found[:, 2] = pc.starts_with(texts, "-").to_numpy(zero_copy_only=False) * _NUMERIC_NEGATIVE
    found[:, 4:] = decimal.reshape(len(values), before + behind, _BASE_DIGITS).astype(np.int16) @ _WEIGHTS
    return found.view(np.uint8)


def _unscaled(values: pa.Array) -> pa.Array:
    """The decimals times 10**scale, as integers; their texts have no point or exponent."""
    whole = pa.decimal128(values.type.precision, 0)
    integers = pa.Array.from_buffers(whole, len(values), values.buffers(), offset=values.offset)
    return pc.fill_null(integers, pa.scalar(0, whole))


def one_by_one(values: pa.Array, encode: Callable[[Any], bytes]) -> pa.Array:
    """Values of any width; each distinct value is encoded once. Null stays null."""
    encoded = values.dictionary_encode() if not pa.types.is_nested(values.type) else None
    if encoded is None:
        items = [None if value is None else encode(value) for value in values.to_pylist()]
        return pa.array(items, pa.binary())
    items = [encode(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(items, pa.binary()).take(encoded.indices)


def numeric(value: Decimal) -> bytes:
    """One ``numeric`` of any length: number of digits, weight of the first, sign, scale, digits to the base 10,000."""
    sign, digits, exponent = value.as_tuple()
    scale = max(-int(exponent), 0)
    text = ("".join(map(str, digits)) + "0" * max(int(exponent), 0)).rjust(scale, "0")
    whole = text[: len(text) - scale] or "0"
    fraction = text[len(text) - scale :]
    whole = whole.rjust(-(-len(whole) // _BASE_DIGITS) * _BASE_DIGITS, "0")
    fraction = fraction.ljust(-(-len(fraction) // _BASE_DIGITS) * _BASE_DIGITS, "0")
    both = whole + fraction
    groups = [int(both[at : at + _BASE_DIGITS]) for at in range(0, len(both), _BASE_DIGITS)]
    head = (len(groups), len(whole) // _BASE_DIGITS - 1, _NUMERIC_NEGATIVE if sign and value else 0, scale)
    return struct.pack(f">4h{len(groups)}h", *head, *groups)


def array(oid: int, items: Sequence[bytes | None]) -> bytes:
    """An array of one dimension: dimensions, whether it has NULL, the items' type, length, first index, and the items."""
    if not items:
        return struct.pack(">iiI", 0, 0, oid)
    head = struct.pack(">iiIii", 1, int(None in items), oid, len(items), 1)
    parts = (b"\xff\xff\xff\xff" if item is None else struct.pack(">i", len(item)) + item for item in items)
    return head + b"".join(parts)
