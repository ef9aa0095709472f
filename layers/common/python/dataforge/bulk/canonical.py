"""One column of raw CSV texts to canonical texts, and a mask of the rows that only the row model can judge.

A shortcut accepts a value only if the model would accept it and its canonical text is the value itself; it may be as
narrow as it likes. Everything else is judged once per distinct value by the column's own validator.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ValidationError

from dataforge.bulk.row_hashes import text_bytes
from dataforge.records.validate import Cleanings, clean_value, findings, quote
from dataforge.tables.catalogue import Column

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


Fault = tuple[tuple[str, str], ...]
"""What is wrong with a value, as (type, message) of each of the validator's findings; nothing: it may stay."""

MISSING: Fault = (("missing", ""),)


class Verdict(NamedTuple):
    """On one value: its canonical text as it stands in a row's text, what is wrong with it, and what was cleaned."""

    quoted: str | None
    fault: Fault = ()
    cleanings: tuple[str, ...] = ()


_FINE, _MISSING = Verdict(None), Verdict(None, MISSING)


@dataclass(frozen=True)
class CanonicalColumn:
    """A column after judgement; all arrays have the block's rows.

    ``quoted``: canonical texts as they stand in a row's text (NULL is null). ``judged``: for each row the index into
    ``verdicts``, or None if nothing is wrong with any value, and none was cleaned.
    """

    quoted: pa.Array
    judged: NDArray[np.int64] | None = None
    verdicts: tuple[Verdict, ...] = ()

    def bad(self) -> NDArray[np.bool_] | None:
        """The rows that are left to the model, or None."""
        if self.judged is None or not any(v.fault for v in self.verdicts):
            return None
        return np.array([bool(v.fault) for v in self.verdicts])[self.judged]

    def faults(self, rows: NDArray[np.int64]) -> Iterable[Fault]:
        """What is wrong with the values of these rows."""
        if self.judged is None:
            return itertools.repeat((), len(rows))
        return [self.verdicts[index].fault for index in self.judged[rows].tolist()]

    def count(self, name: str, rows: NDArray[Any], into: Cleanings) -> None:
        """Add what was cleaned in the rows, given as a mask or as indices."""
        if self.judged is None or not any(v.cleanings for v in self.verdicts):
            return
        times = np.bincount(self.judged[rows], minlength=len(self.verdicts))
        for index in np.flatnonzero(times).tolist():
            for cleaning in self.verdicts[index].cleanings:
                into[name, cleaning] += int(times[index])


def canonical(column: Column, raw: pa.Array, has_nul: bool) -> CanonicalColumn:
    """Judge ``raw`` (strings, empty fields null). ``has_nul``: a NUL occurs somewhere in the block."""
    missing = None if column.nullable or not raw.null_count else _numpy(pc.is_null(raw))
    if _accepts_everything(column) and not has_nul:
        return _accepted(quote_free_text(raw), missing)
    accepted = _shortcut(column, raw)
    if accepted is None:
        return _judge(column, raw, None, missing)
    if pc.all(accepted, min_count=0).as_py():
        return _accepted(_quote_known(column, raw), missing)
    return _judge(column, raw, accepted, missing)


def _accepted(quoted: pa.Array, missing: NDArray[np.bool_] | None) -> CanonicalColumn:
    if missing is None:
        return CanonicalColumn(quoted)
    return CanonicalColumn(quoted, missing.astype(np.int64), (_FINE, _MISSING))


def _accepts_everything(column: Column) -> bool:
    rule = column.rule
    bounds = (rule.pattern, rule.min_length, rule.max_length, rule.max_bytes, rule.digest)
    return column.type.name == "text" and column.clean is None and not rule.choices and bounds == (None,) * 5


def _shortcut(column: Column, raw: pa.Array) -> pa.Array | None:
    """Which values are certainly canonical (null: NULL); None where the type has no shortcut."""
    rule = column.rule
    if column.type.name == "text":
        tight = rule.pattern is not None and _TIGHT.fullmatch(rule.pattern)
        lower = column.clean is not None and column.clean.upper and re.search("[a-z]", rule.pattern or "")
        bounds = (rule.min_length, rule.max_length, rule.max_bytes, rule.digest)
        if not tight or lower or bounds != (None,) * 4:
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
    verdicts = (*(_verdict(column, value) for value in encoded.dictionary.to_pylist()), _FINE, _MISSING)
    fine = len(verdicts) - 2
    judged = np.where(_numpy(encoded.is_null()), fine, _numpy(encoded.indices)).astype(np.int64)
    if missing is not None:
        judged[missing] = fine + 1
    quoted = pa.array([v.quoted for v in verdicts], pa.string()).take(pa.array(judged))
    if accepted is not None:
        quoted = pc.coalesce(
            _quote_known(column, pc.if_else(accepted, raw, pa.scalar(None, pa.string()))), quoted
        )
    return CanonicalColumn(quoted, judged, verdicts)


def _verdict(column: Column, value: str) -> Verdict:
    names: tuple[str, ...] = ()
    cleaned: str | None = value
    if column.clean is not None:
        cleaned, names = clean_value(column.clean, value)
    if cleaned is None:
        return Verdict(None, () if column.nullable else MISSING, names)
    try:
        result = column.rule.adapter.validate_python(cleaned)
    except ValidationError as error:
        return Verdict(None, tuple((e["type"], e["msg"]) for e in findings(error)), names)
    return Verdict(None if result is None else quote(column.type.text(result)), (), names)


def _numpy(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False))
