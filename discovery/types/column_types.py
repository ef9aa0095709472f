"""Propose the type of a column from all its values.

Candidates come from the shape of a sample, the strictest first. The first one that takes all values, as the processing
module itself reads them, is proposed; a few damaged values in a long column do not exclude a type that no accident explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataforge import INTEGER, TEXT, ArrayOf, Bytes, Clean, IndexedName, Json, Label, Name, Text, Uuid
from dataforge.formats.null_words import CERTAIN_NULL_WORDS, NULL_WORDS, PROGRAM_NULL_WORDS
from discovery.structure.words import is_code, is_identifying
from discovery.types.choices import boolean_candidates, choice_candidates
from discovery.types.clocks import digit_candidates, time_candidates
from discovery.types.declared import Declared
from discovery.types.moments import date_candidates
from discovery.types.numbers import LEADING_ZEROS, number_candidates
from discovery.types.rules import with_rules
from discovery.types.values import Values, mostly

_TOLERATED = 0.002
"""The share of values that may be damaged in a column of a thousand values or more."""
_LONG = 1000
_FIRST = 500
_LABEL = 200
_NUMBERS = {"smallint", "integer", "bigint", "numeric", "double"}

Candidates = Callable[[Values], Iterator[Declared]]


def propose_type(values: Values, *, indexed: bool) -> Declared:
    """The type of the column. ``indexed``: whether it is part of a key or a reference."""
    first: _Found | None = None
    for nulls, real, candidate in _candidates(values, _SOURCES[: -1 if indexed else None]):
        # After a type that refuses damaged values, only one that refuses none is better.
        damaged = _damaged(candidate, real, nulls, 0 if first else _TOLERATED)
        if damaged == 0:
            return _Found(candidate, real, nulls, 0).declared()
        if damaged is not None and first is None:
            first = _Found(candidate, real, nulls, damaged)
    return first.declared() if first else propose_text(values, indexed=indexed)


@dataclass(frozen=True)
class _Found:
    """A type that takes the values, except ``damaged`` rows and the words for NULL."""

    candidate: Declared
    values: Values
    nulls: frozenset[str]
    damaged: int

    def declared(self) -> Declared:
        """The type with the rules of the values and its evidence."""
        ruled = _with_rules(self.candidate, self.values, self.nulls)
        note = ". ".join(filter(None, (ruled.note, _evidence(self.damaged, self.values, self.nulls))))
        return replace(ruled, nulls=tuple(sorted(self.nulls)), note=note)


def _candidates(
    values: Values, sources: Sequence[tuple[Candidates, frozenset[str]]]
) -> Iterator[tuple[frozenset[str], Values, Declared]]:
    """The candidates in their order, with the words for NULL beside such values, and the values without these words."""
    for candidates, words in sources:
        nulls = values.null_words & words
        real = values.without({"", *nulls})
        for candidate in candidates(real) if real.texts else ():
            yield nulls, real, candidate


def _evidence(damaged: int, values: Values, nulls: Collection[str]) -> str:
    """Evidence for what is uncertain: values that would be rejected, and words that people write for NULL."""
    uncertain = set(nulls) - PROGRAM_NULL_WORDS
    rejected = f"{damaged:,} of {values.rows:,} rows have another form, and are rejected" if damaged else ""
    return ". ".join(filter(None, (rejected, _read_as_null(uncertain) if uncertain else "")))


def _read_as_null(words: Collection[str]) -> str:
    return f"{' and '.join(sorted(words))} {'is' if len(words) == 1 else 'are'} read as NULL"


def _damaged(
    candidate: Declared, values: Values, nulls: Collection[str], tolerated: float = _TOLERATED
) -> int | None:
    """How many rows the type refuses; None, if these are not only a few damaged ones."""
    if values.rows < _LONG or candidate.source.startswith("Literal") or is_identifying(values.name):
        tolerated = 0
    # Most candidates that fail refuse the first values already.
    begin = pa.array(values.texts[:_FIRST], pa.string())
    first = candidate.refused(begin)
    if _loses_zeros(candidate, begin) or first.sum() > tolerated * len(values.texts):
        return None
    rest = pa.array(values.texts[_FIRST:], pa.string())
    if _loses_zeros(candidate, rest):
        return None
    refused = np.append(first, candidate.refused(rest))
    rows = int(np.array(values.counts)[refused].sum())
    if refused.sum() > tolerated * len(values.texts) or rows > tolerated * values.rows:
        return None
    return rows if values.all_known else _damaged_rows(candidate, values, nulls, tolerated)


def _damaged_rows(
    candidate: Declared, values: Values, nulls: Collection[str], tolerated: float
) -> int | None:
    refused, absent = 0, pa.array(["", *nulls], pa.string())
    for texts in map(candidate.doubtful, values.all_texts()):
        bad = texts.filter(pa.array(candidate.refused(texts)))
        refused += _present(bad, absent)
        if refused > tolerated * values.rows or _present(_padded(candidate, texts), absent):
            return None
    return refused


def _present(texts: pa.Array, absent: pa.Array) -> int:
    """How many of the texts are none of these words with blanks around them."""
    return len(texts) - (pc.sum(pc.is_in(pc.utf8_trim_whitespace(texts), absent)).as_py() or 0)


def _loses_zeros(candidate: Declared, texts: pa.Array) -> bool:
    """Whether numbers would lose zeros before their digits: no declaration rejects 007, which would be equal to 7."""
    return len(_padded(candidate, texts)) > 0


def _padded(candidate: Declared, texts: pa.Array) -> pa.Array:
    if candidate.kind not in _NUMBERS:
        return texts.slice(0, 0)
    return texts.filter(pc.match_substring_regex(texts, LEADING_ZEROS))


def _with_rules(declared: Declared, values: Values, nulls: Collection[str]) -> Declared:
    """The type with the first rule that all values obey."""
    possible = (ruled for ruled in with_rules(declared, values) if _damaged(ruled, values, nulls, 0) == 0)
    return next(possible, declared)


def _shaped(values: Values) -> Iterator[Declared]:
    """Types that hardly any other text looks like."""
    sample = values.sample
    if mostly(re.compile("(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), sample):
        yield Declared("Uuid", Uuid)
    if mostly(re.compile(r"(?i)\{[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}"), sample):
        yield Declared("Uuid", Uuid, (Clean(replace=((r"[{}]", ""),)),))
    if mostly(re.compile(r"(?s)[{\[].*[}\]]"), sample):
        yield Declared("Json", Json)
        yield Declared("Annotated[tuple, ArrayOf(INTEGER)]", Annotated[tuple, ArrayOf(INTEGER)])
        yield Declared("Annotated[tuple, ArrayOf(TEXT)]", Annotated[tuple, ArrayOf(TEXT)])
    if mostly(re.compile(r"(?:0x|\\x)(?:[0-9A-Fa-f]{2})*"), sample):
        yield Declared("Bytes", Bytes)


def _numbers(values: Values) -> Iterator[Declared]:
    if is_code(values.name):
        return
    if all(text.isdecimal() for text in values.sample):
        yield from digit_candidates(values)
    yield from number_candidates(values)


def propose_text(values: Values, *, indexed: bool) -> Declared:
    """The type of a column of texts, also of texts that look like values of another type."""
    nulls = values.null_words & CERTAIN_NULL_WORDS
    real = values.without({"", *nulls})
    programs = values.null_words & PROGRAM_NULL_WORDS - CERTAIN_NULL_WORDS
    if not real.without(programs).texts:
        note = f"{_read_as_null(programs)}, and nothing else occurs" if programs else ""
        return Declared(
            "Text", Text, nulls=tuple(sorted(nulls | programs)), note=note or ("" if nulls else "no values")
        )
    text = _with_rules(_of_length(real, indexed=indexed), real, nulls)
    return replace(text, nulls=tuple(sorted(nulls)))


def _of_length(values: Values, *, indexed: bool) -> Declared:
    if indexed:
        short = values.longest <= _LABEL
        return Declared("Label", Label) if short else Declared("IndexedName", IndexedName)
    free = values.mean_length > 60 or any("\n" in text for text in values.texts[:1000])
    return Declared("Text", Text) if free else Declared("Name", Name)


_SOURCES: tuple[tuple[Candidates, frozenset[str]], ...] = (
    (_shaped, PROGRAM_NULL_WORDS),
    (boolean_candidates, PROGRAM_NULL_WORDS),
    (_numbers, NULL_WORDS),
    (date_candidates, NULL_WORDS),
    (time_candidates, NULL_WORDS),
    (choice_candidates, CERTAIN_NULL_WORDS),
)
"""The candidates in their order, with the texts that mean NULL beside such values."""
