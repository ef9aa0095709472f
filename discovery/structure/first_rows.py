"""The first rows of a table in memory: copies among them exclude most column sets as keys at little cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from discovery.structure.texts import Hashes, TextStore

_STEPS = (1_000, 20_000)
"""Numbers of first rows: the fewest exclude nearly all sets."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class FirstRows:
    """The rows of the columns ``names``, which are complete."""

    store: TextStore
    table: str
    names: tuple[str, ...]

    @cached_property
    def _hashes(self) -> dict[str, Hashes]:
        return self.store.first_rows(self.table, self.names, _STEPS[-1])

    def has_copies(self, names: Sequence[str]) -> bool:
        """Whether two of the rows have the same values in these columns."""
        return any(self._repeats(names, rows) for rows in _STEPS)

    def _repeats(self, names: Sequence[str], rows: int) -> bool:
        first, *others = (self._hashes[name][:rows] for name in names)
        together = first
        for hashes in others:
            together = together * _FACTOR + hashes
        return len(np.unique(together)) < len(together)
