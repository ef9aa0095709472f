"""Decide whether a file is another part of a table: it has the header and the dialect of a part that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dataforge.formats.csv_blocks import blocks, present_records, regular_records
from dataforge.formats.dialect import Csv
from dataforge.formats.dialect_reader import read_head
from discovery.formats.dialects import candidates


def is_part(sample: bytes, *, whole: bool, encoding: str, header: Sequence[str], dialect: Csv) -> bool:
    """Whether a file that begins with ``sample`` has this header in its first line, and only regular records behind it.

    False as well if other quotes or escape characters are possible, or records may have to be read one by one.
    ``whole``: the sample is the file.
    """
    expected = replace(dialect, encoding=encoding)
    if dialect.header != 1 or dialect.skip or len(header) < 2 or not expected.is_parallel:
        return False
    head = read_head(sample, expected)
    first = head.records[0] if head.records else None
    if first is None or first.fields is None or head.has_bare_returns or head.line != 2:
        return False
    if tuple(text.strip() for text in first.fields) != tuple(header):
        return False
    known = {"delimiter": dialect.delimiter}
    if [replace(other, header=1) for other in candidates(sample, encoding, known)] != [expected]:
        return False
    found = _regular(sample[head.end :], tuple(header), expected)
    complete = found if whole else found[:-1]
    return len(complete) > 0 and bool(complete.all())


def _regular(body: bytes, header: tuple[str, ...], dialect: Csv) -> NDArray[np.bool_]:
    """Which of the records have the header's number of fields; empty lines do not."""
    names = tuple(f"c{place}" for place in range(len(header)))
    cut = blocks(body, names, 0, len(body) + 1, dialect=dialect)
    return np.concatenate(
        [np.zeros(0, np.bool_), *(regular_records(block) & present_records(block) for block in cut)]
    )
