"""Find records that have the bytes of an earlier one, before they are parsed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dataforge.formats.csv_blocks import Block


class RepeatedRecords:
    """The bytes of the records so far."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._lines: list[bytes] = []

    def are_new(self, block: Block, records: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Mask of these records of the block that are the first with their bytes; None if records are not single lines."""
        lines = block.data.split(b"\n")
        if lines.pop() or not _are_lines(block, lines):
            return None
        self._lines = lines
        seen, add = self._seen, self._seen.add
        # add() returns None. A statement per record would take longer.
        return np.fromiter(
            (not (line in seen or add(line)) for line in map(lines.__getitem__, records.tolist())),
            np.bool_,
            len(records),
        )

    def forget(self, records: Iterable[int]) -> NDArray[np.bool_]:
        """Forget the bytes of these records of the last block. Returns the mask of its records that have them."""
        forgotten = {self._lines[record] for record in records}
        self._seen -= forgotten
        if not forgotten:
            return np.zeros(len(self._lines), np.bool_)
        return np.fromiter((line in forgotten for line in self._lines), np.bool_, len(self._lines))


def _are_lines(block: Block, lines: list[bytes]) -> bool:
    """Whether each record is one of the lines. Equal numbers do not suffice: a line feed may be quoted, a CR may end one."""
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    return np.array_equal(np.cumsum(lengths + 1), block.records.ends)
