"""A part of a table's rejections, which are stored by one call."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dataforge.records.violation import Violation


class Part:
    """The rows of whole positions until a deadline, at least one position. ``position``: the last one."""

    def __init__(self, rows: Iterator[tuple[int, list[Violation]]], deadline: float) -> None:
        self._rows, self._deadline = rows, deadline
        self.position, self.complete = -1, False

    def rows(self) -> Iterator[tuple[int, list[Violation]]]:
        """The rows."""
        for position, violations in self._rows:
            if self.position not in (-1, position) and time.monotonic() > self._deadline:
                return
            self.position = position
            yield position, violations
        self.complete = True
