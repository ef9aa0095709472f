"""The values of a column, as evidence for its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from dataforge.formats.null_words import NULL_WORDS
from discovery.structure.words import words

if TYPE_CHECKING:
    from discovery.structure.texts import ColumnTexts, TextStore

_SAMPLE = 100
_EMPTY = frozenset(["", *NULL_WORDS])
_LONGEST_WORD = 24
"""The bytes of a word for NULL with some blanks around it."""


@dataclass(frozen=True)
class Values:
    """The values of a column without NULL: distinct, the most frequent first, with their numbers.

    ``all_known``: whether these are all distinct values; if not, ``all_texts`` reads the texts of all rows. ``rows``: the
    rows that have a value. ``missing``: those that have none.
    """

    header: str
    texts: tuple[str, ...]
    counts: tuple[int, ...]
    all_known: bool
    rows: int
    distinct: int
    longest: int
    mean_length: float
    all_texts: Callable[[], Iterable[pa.Array]] = field(default=tuple, compare=False, repr=False)
    missing: int = 0

    @cached_property
    def name(self) -> tuple[str, ...]:
        """The words of the header."""
        return words(self.header)

    @cached_property
    def sample(self) -> tuple[str, ...]:
        """The most frequent values, and as many from everywhere among the others, without blanks around them."""
        return tuple(text.strip() for text in spread(self.texts) if text.strip())

    @cached_property
    def null_words(self) -> frozenset[str]:
        """The texts among the values, without blanks around them, that mean NULL in many files."""
        return frozenset(text.strip() for text in self._empty if text.strip())

    def written_as(self, nulls: Collection[str]) -> set[str]:
        """The texts of all rows that are one of these, with the blanks around them."""
        return {text for text in self._empty if text.strip() in nulls}

    @cached_property
    def _empty(self) -> frozenset[str]:
        found = set(self._empty_known)
        for texts in () if self.all_known else self.all_texts():
            short = texts.filter(pc.less_equal(pc.binary_length(texts), _LONGEST_WORD))
            empty = pc.is_in(pc.utf8_trim_whitespace(short), pa.array(_EMPTY, pa.string()))
            found.update(short.filter(empty).unique().to_pylist())
        return frozenset(found)

    @cached_property
    def _empty_known(self) -> frozenset[str]:
        return frozenset(text for text in self.texts if text.strip() in _EMPTY)

    def without(self, nulls: Collection[str]) -> Values:
        """The values that are none of these texts."""
        possible = self._empty_known if _EMPTY.issuperset(nulls) else self.texts
        absent = {text for text in possible if text.strip() in nulls}
        if not absent:
            return self
        pairs = zip(self.texts, self.counts, strict=True)
        kept = [(text, count) for text, count in pairs if text not in absent]
        return replace(
            self,
            texts=tuple(text for text, _ in kept),
            counts=tuple(count for _, count in kept),
            rows=self.rows - (sum(self.counts) - sum(count for _, count in kept)),
        )


def values_of(store: TextStore, table: str, column: ColumnTexts) -> Values:
    """The values of a column of the store."""
    found = store.values(table, column.name)
    return Values(
        column.name,
        tuple(found.values["text"].to_pylist()),
        tuple(found.values["count"].to_pylist()),
        found.complete,
        column.present,
        column.distinct,
        column.longest,
        column.mean_length,
        lambda: store.texts(table, column.name),
        column.rows - column.present,
    )


def spread(texts: Sequence[str]) -> Sequence[str]:
    """The first texts, and as many from everywhere among the others."""
    rest = texts[_SAMPLE:]
    return [*texts[:_SAMPLE], *rest[:: max(1, len(rest) // _SAMPLE)]]


def mostly(shape: re.Pattern[str], texts: Sequence[str]) -> bool:
    """Whether nearly all of the texts have the shape: a few may be damaged."""
    return sum(shape.fullmatch(text) is not None for text in texts) >= 0.95 * len(texts)
