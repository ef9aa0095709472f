"""Find the names and values of the objects in a block of JSON Lines by the positions of its quotes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataforge.formats.csv_blocks import decodable
from dataforge.formats.csv_boundaries import Offsets

Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

_LF, _CR, _BLANK, _QUOTE, _COMMA, _COLON, _OPEN, _CLOSE = b'\n\r ",:{}'


@dataclass(frozen=True)
class Members:
    """The members of the objects in some lines, in the order of the lines.

    ``whole``: mask of the lines that consist of members, each a name, a colon and a text that may be a value. ``lines``:
    each member's line. ``names``: as in the line, without quotes. ``values``: element ``2 * n`` is the text of member
    ``n``, without quotes if it is one of the ``strings``; escapes are not decoded. Members of other lines may occur.
    """

    whole: Mask
    lines: Offsets
    names: pa.Array
    values: pa.Array
    strings: Mask


def find_members(data: bytes, ends: Offsets) -> Members:
    """The members of the lines in ``data``, which is not empty; ``ends``: the offset after each line."""
    octets = np.frombuffer(data, np.uint8)
    starts = np.append(0, ends[:-1])
    whole, braces = _objects(data, octets, starts, ends)
    opening, closing, pairs = _strings(data, starts, whole)
    line_of_pair = np.repeat(np.arange(len(ends)), pairs)
    colon = closing + 1
    colon += octets[colon] == _BLANK
    is_name = octets[colon] == _COLON
    if np.count_nonzero(octets == _OPEN) > len(ends):
        is_name &= _depths(octets, opening, closing, starts, line_of_pair) == 1
    name = np.flatnonzero(is_name)
    lines = line_of_pair[name]
    first = np.diff(lines, prepend=-1) != 0
    begin = colon[name] + 1
    begin += octets[begin] == _BLANK
    before = opening[name] - 1
    before -= octets[before] == _BLANK
    whole[lines[np.where(first, before != starts[lines], octets[before] != _COMMA)]] = False
    whole[np.bincount(lines, minlength=len(ends)) == 0] = False
    end = np.where(np.append(first, True)[1:], braces[lines], np.append(before, 0)[1:])
    # A value is a string if the next pair of quotes is its first and its last byte.
    strings = (np.append(opening, -1)[name + 1] == begin) & (np.append(closing, -1)[name + 1] == end - 1)
    names = _slices(data, opening[name] + 1, closing[name]).take(pa.array(np.arange(len(name)) * 2))
    return Members(whole, lines, names, _slices(data, begin + strings, end - strings), strings)


def _objects(data: bytes, octets: Bytes, starts: Offsets, ends: Offsets) -> tuple[Mask, Offsets]:
    """Mask of the lines that are valid UTF-8 between braces without control characters; and the offset of the last brace."""
    last = ends - 1
    last = np.maximum(last - (octets[last] == _LF), starts)
    last = np.maximum(last - (octets[last] == _CR), starts)
    whole = (octets[starts] == _OPEN) & (octets[last] == _CLOSE) & (last > starts)
    controls = np.flatnonzero(octets < _BLANK)
    if len(controls) > np.count_nonzero(octets[ends - 1] == _LF):
        lines = np.searchsorted(ends, controls, side="right")
        whole[lines[controls < last[lines]]] = False
    if not data.isascii():
        whole &= decodable(data, starts, ends, "utf-8")
    return whole, last


def _strings(data: bytes, starts: Offsets, whole: Mask) -> tuple[Offsets, Offsets, Offsets]:
    """The offsets of opening and closing quotes, and how many pairs each line has. Marks lines with an odd quote."""
    if b"\\" in data:
        # A quote is escaped if an odd number of backslashes is before it.
        data = data.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE)
    counts = np.diff(np.append(np.searchsorted(quotes, starts), len(quotes)))
    whole &= counts % 2 == 0
    if not whole.all():
        quotes, counts = quotes[np.repeat(whole, counts)], np.where(whole, counts, 0)
    return quotes[0::2], quotes[1::2], counts // 2


def _depths(
    octets: Bytes, opening: Offsets, closing: Offsets, starts: Offsets, line_of_pair: Offsets
) -> Offsets:
    """For each string, the number of objects around it."""
    braces = np.flatnonzero((octets == _OPEN) | (octets == _CLOSE))
    inside = np.searchsorted(opening, braces) > np.searchsorted(closing, braces)
    braces = braces[~inside]
    depths = np.append(0, np.cumsum(np.where(octets[braces] == _OPEN, 1, -1)))
    before = depths[np.searchsorted(braces, starts)]
    return np.asarray(depths[np.searchsorted(braces, opening)] - before[line_of_pair])


def _slices(data: bytes, starts: Offsets, ends: Offsets) -> pa.Array:
    """An array over ``data`` without a copy, whose elements 0, 2, 4, … are these ascending slices."""
    if not len(starts):
        return pa.array([], pa.string())
    offsets = np.empty(2 * len(starts), np.int32)
    offsets[0::2] = starts
    offsets[1::2] = np.maximum(starts, ends)
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))
