"""The distinct values of a column with their numbers, as far as they are few; of others a sample from everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST = 20_000
"""A column with more distinct values has a sample of this number."""
_PER_FILE = 4000
"""A file's part of such a sample."""
_FIRST = 5000
_FREQUENT = 0.2
"""The share of a sample that is the most frequent values."""
_PER_BATCH = 500
"""The rows that a sample takes from one batch."""
_SCHEMA = pa.schema([("text", pa.string()), ("count", pa.int64())])


@dataclass(frozen=True)
class Sample:
    """``values``: the columns text and count, without null. ``complete``: whether these are all values and numbers."""

    values: pa.Table
    complete: bool

    def thinned(self, most: int = MOST) -> Sample:
        """At most ``most`` values: the most frequent, and of the others every n-th."""
        if len(self.values) <= most:
            return self
        ordered = self.values.sort_by([("count", "descending")])
        frequent = int(_FREQUENT * most)
        others = np.linspace(frequent, len(ordered) - 1, most - frequent).astype(np.int64)
        return Sample(ordered.take(np.concatenate((np.arange(frequent), others))), complete=False)


NOTHING = Sample(_SCHEMA.empty_table(), complete=True)


def merged(samples: list[Sample]) -> Sample:
    """One sample of all."""
    samples = [sample for sample in samples if len(sample.values)] or samples[:1]
    if len(samples) == 1:
        return samples[0].thinned()
    together = pa.concat_tables([sample.values for sample in samples])
    summed = together.group_by("text", use_threads=False).aggregate([("count", "sum")])
    values = summed.select(["text", "count_sum"]).cast(_SCHEMA_OF_SUMS).rename_columns(_SCHEMA.names)
    return Sample(values, all(sample.complete for sample in samples)).thinned()


_SCHEMA_OF_SUMS = pa.schema([("text", pa.string()), ("count_sum", pa.int64())])


@dataclass
class Figures:
    """Figures of a column's values: ``characters`` of all together, and of the ``longest``."""

    present: int = 0
    characters: int = 0
    longest: int = 0
    sample: Sample = NOTHING

    def add(self, other: Figures) -> None:
        """Add the figures of further rows."""
        self.present += other.present
        self.characters += other.characters
        self.longest = max(self.longest, other.longest)
        self.sample = merged([self.sample, other.sample])


class Collector:
    """Collects the figures of a column of one file, whose values are given in batches."""

    def __init__(self) -> None:
        self.figures = Figures()
        self._batches, self._stride = 0, 1

    def add(self, column: pa.Array) -> None:
        """Count the values of a batch."""
        lengths = pc.utf8_length(column)
        self.figures.present += len(column) - column.null_count
        self.figures.characters += pc.sum(lengths).as_py() or 0
        self.figures.longest = max(self.figures.longest, pc.max(lengths).as_py() or 0)
        self._batches += 1
        complete = self.figures.sample.complete and not _is_diverse(column)
        if complete:
            self.figures.sample = merged([self.figures.sample, Sample(_counted(column), complete=True)])
        elif self._batches % self._stride == 0:
            self._sample(column.take(_places(column, lengths)))
        if not self.figures.sample.complete:
            self.figures.sample = self.figures.sample.thinned(_PER_FILE)

    def _sample(self, rows: pa.Array) -> None:
        found = merged([self.figures.sample, Sample(_counted(rows), complete=False)])
        if len(found.values) > _PER_FILE:
            # A long column is sampled less and less often, so that its sample remains one from everywhere.
            self._stride *= 2
        self.figures.sample = Sample(found.values, complete=False)


def _is_diverse(column: pa.Array) -> bool:
    """Whether the column has more distinct values than a sample, by its first rows."""
    if len(column) < MOST:
        return False
    first = column.slice(0, _FIRST)
    return len(first.unique()) > 0.95 * len(first)


def _counted(column: pa.Array) -> pa.Table:
    counts = column.drop_null().value_counts()
    return pa.Table.from_arrays([counts.field("values"), counts.field("counts")], schema=_SCHEMA)


def _places(column: pa.Array, lengths: pa.Array) -> np.ndarray:
    """Places from everywhere, and those of the shortest and longest value: they refuse a type the soonest."""
    places = np.linspace(0, len(column) - 1, min(_PER_BATCH, len(column))).astype(np.int64)
    if column.null_count == len(column):
        return places
    extremes = pc.min_max(lengths)
    ends = [pc.index(lengths, extremes[side]).as_py() for side in ("min", "max")]
    return np.unique(np.concatenate((places, ends)))
