"""How far the values of columns are found in each other: a sample of all pairs, and exact figures of chosen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from discovery.structure.keys import Columns
from discovery.structure.texts import Coverage, TextStore

_VALUES = 100
"""The values of a column that are looked up in all targets."""


class Inclusion:
    """Lookups among the tables of a store.

    The store has a sample of each column. One query per target looks up the sampled values of all columns in it. Exact
    figures are a query each, made once.
    """

    def __init__(self, store: TextStore, tables: Mapping[str, Columns]) -> None:
        self._store = store
        self._samples = [
            (name, column, values)
            for name, table in tables.items()
            for column, values in store.sample(name, _VALUES).items()
        ]
        self._numbers = {(name, column): n for n, (name, column, _) in enumerate(self._samples)}
        store.keep_samples([values for _, _, values in self._samples])
        self.hits = cache(self._hits)
        self.coverage = cache(self._coverage)
        self.range = cache(store.range)

    def sampled(self, table: str, column: str) -> Sequence[str]:
        """The sampled values of a column, each once."""
        return self._samples[self._numbers[table, column]][2]

    def share(self, child: str, column: str, parent: str, key: str) -> float:
        """The share of the sampled values of a child's column that the parent's column has."""
        values = self.sampled(child, column)
        return self.hits(parent, key).get(self._numbers[child, column], 0) / len(values) if values else 0.0

    def _hits(self, parent: str, key: str) -> Mapping[int, int]:
        return self._store.hits(parent, key)

    def _coverage(self, child: str, columns: tuple[str, ...], parent: str, key: tuple[str, ...]) -> Coverage:
        return self._store.coverage(child, columns, parent, key)
