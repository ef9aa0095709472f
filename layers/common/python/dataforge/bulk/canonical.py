"""One column of raw CSV texts to canonical texts, and a mask of the rows that only the row model can judge.

A shortcut accepts a value only if the model would accept it and its canonical text is the value itself; it may be as
narrow as it likes. Everything else is judged once per distinct value by the column's own validator.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ValidationError

from dataforge.bulk.digests import text_bytes
from dataforge.catalogue import Column
from dataforge.rows import Cleanings, clean_value, quote

_TIGHT = re.compile(r"\^(?:\[[0-9A-Za-z-]+\](?:\{[0-9,]+\})?)+\$")
"""Patterns of letter and digit classes only: what they match has no blank and needs no quotes."""

_SPECIAL = b' \t\n\r\v\f"(),\\'
"""What makes PostgreSQL quote a value in a row's text."""

_MONTHS = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
"""Month and day, but for 29 February, which needs the year."""
_TIMESTAMP = rf"^[1-9][0-9]{{3}}-{_MONTHS} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
DOUBLE = r"^(?:-?(?:[1-9][0-9]{0,5}|0)\.[0-9]{0,20}[1-9])$"
TINY = "0.0000"
"""PostgreSQL writes numbers below 1e-4 with an exponent."""


@dataclass(frozen=True)
class CanonicalColumn:
    """A column after judgement; all arrays have the block's rows.

    ``quoted``: canonical texts as they stand in a row's text (NULL is null). ``bad``: rows left to the model, or None.
    ``cleaned``: for each row the index into ``cleanings``, or None if nothing was cleaned.
    """

    quoted: pa.Array
    bad: NDArray[np.bool_] | None
    cleaned: NDArray[np.int64] | None = None
    cleanings: tuple[tuple[str, ...], ...] = ()

    def count(self, name: str, good: NDArray[np.bool_], into: Cleanings) -> None:
        """Add what was cleaned in the good rows."""
        if self.cleaned is None:
            return
        for index, times in Counter(self.cleaned[good].tolist()).items():
            for cleaning in self.cleanings[index]:
                into[name, cleaning] += times


def canonical(column: Column, raw: pa.Array, has_nul: bool) -> CanonicalColumn:
    """Judge ``raw`` (strings, empty fields null). ``has_nul``: a NUL occurs somewhere in the block."""
    missing = None if column.nullable or not raw.null_count else _numpy(pc.is_null(raw))
    if _accepts_everything(column) and not has_nul:
        return CanonicalColumn(quote_free_text(raw), missing)
    accepted = _shortcut(column, raw)
    if accepted is None:
        return _judge(column, raw, None, missing)
    if pc.all(accepted, min_count=0).as_py():
        return CanonicalColumn(_quote_known(column, raw), missing)
    return _judge(column, raw, accepted, missing)


def _accepts_everything(column: Column) -> bool:
    rule = column.rule
    bounds = (rule.pattern, rule.min_length, rule.max_length, rule.digest)
    return column.type.name == "text" and column.clean is None and not rule.choices and bounds == (None,) * 4


def _shortcut(column: Column, raw: pa.Array) -> pa.Array | None:
    """Which values are certainly canonical (null: NULL); None where the type has no shortcut."""
    rule = column.rule
    if column.type.name == "text":
        tight = rule.pattern is not None and _TIGHT.fullmatch(rule.pattern)
        lower = column.clean is not None and column.clean.upper and re.search("[a-z]", rule.pattern or "")
        if not tight or lower or rule.min_length is not None or rule.max_length is not None or rule.digest:
            return None
        return pc.match_substring_regex(raw, rule.pattern)
    if column.type.name == "timestamp":
        return pc.match_substring_regex(raw, _TIMESTAMP)
    if column.type.name == "numeric" and rule.ge == 0 and rule.le is None:
        precision, scale = map(int, re.findall("[0-9]+", column.type.sql))
        if scale > 0:
            return pc.match_substring_regex(
                raw, rf"^(?:0|[1-9][0-9]{{0,{precision - scale - 1}}})\.[0-9]{{{scale}}}$"
            )
    if column.type.name == "double":
        return _double(column, raw)
    return None


def _double(column: Column, raw: pa.Array) -> pa.Array:
    """Texts that are the shortest round-trip form of their own value, and within bounds."""
    plain = pc.and_(pc.match_substring_regex(raw, DOUBLE), pc.invert(pc.match_substring(raw, TINY)))
    numbers = pc.cast(pc.if_else(plain, raw, pa.scalar(None, pa.string())), pa.float64())
    same = pc.equal(pc.cast(numbers, pa.string()), raw)
    if column.rule.ge is not None:
        same = pc.and_(same, pc.greater_equal(numbers, float(column.rule.ge)))
    if column.rule.le is not None:
        same = pc.and_(same, pc.less_equal(numbers, float(column.rule.le)))
    return pc.if_else(pc.is_null(raw), pa.scalar(None, pa.bool_()), pc.coalesce(same, pa.scalar(False)))


def _quote_known(column: Column, texts: pa.Array) -> pa.Array:
    """Canonical texts of a shortcut, quoted: only timestamps need it."""
    if column.type.name != "timestamp":
        return texts
    mark = pa.scalar('"')
    return pc.binary_join_element_wise(mark, texts, mark, "")


def quote_free_text(texts: pa.Array) -> pa.Array:
    """Texts as they stand in a row's text; each distinct one is looked at once, and none if none can need quotes."""
    if _is_plain(texts):
        return texts
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary
    special = pc.match_substring_regex(distinct, r'[\s\v"(),\\]|^$')
    doubled = pc.replace_substring(pc.replace_substring(distinct, "\\", "\\\\"), '"', '""')
    mark = pa.scalar('"')
    quoted = pc.if_else(special, pc.binary_join_element_wise(mark, doubled, mark, ""), distinct)
    return quoted.take(encoded.indices)


def _is_plain(texts: pa.Array) -> bool:
    """Whether no character of the array, as a whole, is one that asks for quotes, and no text is empty."""
    data = text_bytes(texts)
    if len(data.translate(None, _SPECIAL)) != len(data):
        return False
    return not pc.any(pc.equal(pc.binary_length(texts), 0), min_count=0).as_py()


def _judge(
    column: Column, raw: pa.Array, accepted: pa.Array | None, missing: NDArray[np.bool_] | None
) -> CanonicalColumn:
    """Ask the column's own validator about every distinct value that no shortcut accepted."""
    asked = raw if accepted is None else pc.if_else(accepted, pa.scalar(None, pa.string()), raw)
    encoded = asked.dictionary_encode()
    verdicts = [_verdict(column, value) for value in encoded.dictionary.to_pylist()]
    indices = np.where(_numpy(encoded.is_null()), len(verdicts), _numpy(encoded.indices)).astype(np.int64)
    quoted = pa.array([v[0] for v in verdicts] + [None], pa.string()).take(pa.array(indices))
    if accepted is not None:
        quoted = pc.coalesce(
            _quote_known(column, pc.if_else(accepted, raw, pa.scalar(None, pa.string()))), quoted
        )
    bad = np.array([v[1] for v in verdicts] + [False])[indices]
    if missing is not None:
        bad |= missing
    cleanings = (*(v[2] for v in verdicts), ())
    return CanonicalColumn(quoted, bad if bad.any() else None, indices if any(cleanings) else None, cleanings)


def _verdict(column: Column, value: str) -> tuple[str | None, bool, tuple[str, ...]]:
    """The quoted canonical text, whether the value is bad, and what was cleaned."""
    names: tuple[str, ...] = ()
    cleaned: str | None = value
    if column.clean is not None:
        cleaned, names = clean_value(column.clean, value)
    if cleaned is None:
        return None, not column.nullable, names
    try:
        result = column.rule.adapter.validate_python(cleaned)
    except ValidationError:
        return None, True, names
    return (None if result is None else quote(column.type.text(result))), False, names


def _numpy(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False))
