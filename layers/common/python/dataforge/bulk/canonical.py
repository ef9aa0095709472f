"""Convert one column of raw CSV texts to canonical texts, with a mask of the rows that the row model must validate.

A shortcut accepts a value only if the model accepts it and its canonical text is the value itself; it may reject more.
The column's own validator validates every other distinct value once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ValidationError

from dataforge.bulk.formatted import rewritten
from dataforge.bulk.row_hashes import text_bytes
from dataforge.records.validate import Cleanings, clean_value, findings, quote, rewrite_value
from dataforge.tables.catalogue import Column
from dataforge.tables.fields import ColumnRule
from dataforge.tables.types.numbers import Numeric, WholeNumber
from dataforge.tables.types.text import TEXT
from dataforge.tables.value_formats import Format

_TIGHT = re.compile(r"\^(?:(?:\[[0-9A-Za-z-]+\]|[0-9A-Za-z_:/-])(?:\{[0-9,]+\})?)+\$")
"""Patterns of letters, digits and a few signs only: matching texts have no blank and need no quotes."""

_SPECIAL = b' \t\n\r\v\f"(),\\'
"""Characters for which PostgreSQL quotes a value in a row's text."""

_MONTHS = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
"""Month and day without 29 February, which depends on the year."""
_TIMESTAMP = rf"^[1-9][0-9]{{3}}-{_MONTHS} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
_PATTERNS = {
    "timestamp": _TIMESTAMP,
    "timestamptz": _TIMESTAMP.replace("$", r"\+00$"),
    "date": rf"^[1-9][0-9]{{3}}-{_MONTHS}$",
    "uuid": "^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$",
}
_ISO = (r"^([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9:]{8})$", r"\1 \2")
_ZULU = (r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9:]{8})Z$", r"\1 \2+00")
_ZEROS = (r"^(-?[0-9]+)(?:\.0+|(\.[0-9]*[1-9])0+)$", r"\1\2")
"""Zeros at the end of decimals, which the canonical text lacks."""
_INTEGER = "^(?:0|-?[1-9][0-9]{0,17})$"
_TRIMMED = r"(?s)^[!-~\p{L}](?:[^\x00]*[!-~\p{L}])?$"
"""Texts that begin and end with a letter or an ASCII character other than white space."""
DOUBLE = r"^(?:-?(?:[1-9][0-9]{0,5}|0)\.[0-9]{0,20}[1-9])$"
TINY = "0.0000"
"""PostgreSQL writes numbers below 1e-4 with an exponent."""


Errors = tuple[tuple[str, str], ...]
"""Errors of a value, as (type, message) of each; empty if the value is valid."""

MISSING: Errors = (("missing", ""),)


class Validated(NamedTuple):
    """A validated value: its canonical text in the form of a row's text, its errors, and its cleanings."""

    quoted: str | None
    errors: Errors = ()
    cleanings: tuple[str, ...] = ()


_FINE, _MISSING = Validated(None), Validated(None, MISSING)
_FORMATTED = Validated(None, (), ("formatted",))


@dataclass(frozen=True)
class CanonicalColumn:
    """A validated column; all arrays have the block's rows.

    ``quoted``: canonical texts in the form of a row's text (NULL is null), and any texts for invalid values. ``indices``:
    for each row the index into ``validated``, or None if all values are valid and unchanged.
    """

    quoted: pa.Array
    indices: NDArray[np.int64] | None = None
    validated: tuple[Validated, ...] = ()

    def bad(self) -> NDArray[np.bool_] | None:
        """The rows that the model must validate, or None."""
        if self.indices is None or not any(v.errors for v in self.validated):
            return None
        return np.array([bool(v.errors) for v in self.validated])[self.indices]

    def cleaned(self) -> NDArray[np.bool_] | None:
        """The rows whose value was cleaned, or None."""
        if self.indices is None or not any(v.cleanings for v in self.validated):
            return None
        return np.array([bool(v.cleanings) for v in self.validated])[self.indices]

    def coded_errors(self, rows: NDArray[np.int64]) -> tuple[list[Errors], NDArray[np.intp]]:
        """Distinct errors, and for each of these rows the index of its value's errors."""
        if self.indices is None:
            return [()], np.zeros(len(rows), np.intp)
        numbers: dict[Errors, int] = {}
        codes = np.array([numbers.setdefault(v.errors, len(numbers)) for v in self.validated], np.intp)
        return list(numbers), codes[self.indices[rows]]

    def count(self, name: str, rows: NDArray[Any], into: Cleanings) -> None:
        """Add the cleanings in the rows, which are a mask or indices, to ``into``."""
        if self.indices is None or not any(v.cleanings for v in self.validated):
            return
        times = np.bincount(self.indices[rows], minlength=len(self.validated))
        for index in np.flatnonzero(times).tolist():
            for cleaning in self.validated[index].cleanings:
                into[name, cleaning] += int(times[index])


def missing_values(column: Column, raw: pa.Array) -> NDArray[np.bool_] | None:
    """Mask of the rows without a value; None if none is or NULL is allowed."""
    return None if column.nullable or not raw.null_count else _numpy(pc.is_null(raw))


def canonical(column: Column, raw: pa.Array, has_nul: bool) -> CanonicalColumn:
    """Validate ``raw`` (strings, empty fields null). ``has_nul``: whether the block contains a NUL."""
    missing = missing_values(column, raw)
    if _accepts_everything(column) and not has_nul:
        return accepted_column(column, quote_free_text(raw), missing)
    plain = not (column.clean and column.clean.is_extended)
    if plain and column.format is not None:
        return _by_format(column, column.format, raw, missing)
    accepted = shortcut(column, raw) if plain else None
    if accepted is None:
        return validate_column(column, raw, None, missing)
    texts = raw
    if not pc.all(accepted, min_count=0).as_py():
        texts, accepted = _respell_others(column, raw, accepted)
    if pc.all(accepted, min_count=0).as_py():
        return accepted_column(column, _quote_known(column, texts), missing)
    return validate_column(column, raw, accepted, missing, texts)


def doubtful(column: Column, texts: pa.Array, has_nul: bool) -> NDArray[np.intp]:
    """The places of the texts (without null) that are not certainly canonical. ``refused`` decides about these."""
    if _accepts_everything(column) and not has_nul:
        return np.zeros(0, np.intp)
    plain = column.format is None and not (column.clean and column.clean.is_extended)
    certain = shortcut(column, texts) if plain else None
    return np.arange(len(texts)) if certain is None else np.flatnonzero(~_numpy(certain))


def refused(column: Column, texts: pa.Array, has_nul: bool) -> NDArray[np.bool_]:
    """Which of the texts (without null) the column refuses; with less work than ``canonical``."""
    found = np.zeros(len(texts), np.bool_)
    places = doubtful(column, texts, has_nul)
    if len(places):
        bad = canonical(column, texts.take(pa.array(places)), has_nul).bad()
        found[places] = False if bad is None else bad
    return found


def _respell_others(column: Column, raw: pa.Array, accepted: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The values, those that are not accepted in a form that may be; and which are accepted then."""
    others = _others(accepted)
    respelled = _respelled(column, raw.filter(others))
    if respelled is None:
        return raw, accepted
    found = shortcut(column, respelled)
    if not pc.any(found, min_count=0).as_py():
        return raw, accepted
    return _replaced(raw, others, respelled), pc.replace_with_mask(accepted, others, found)


def _replaced(texts: pa.Array, places: pa.Array, others: pa.Array) -> pa.Array:
    """The texts with the ``others`` in the places of a mask; in a third of the time of ``replace_with_mask``."""
    indices = np.arange(len(texts))
    indices[_numpy(places)] = len(texts) + np.arange(len(others))
    return pa.concat_arrays([texts, others]).take(pa.array(indices))


def _others(accepted: pa.Array) -> pa.Array:
    """Mask of the values, not NULL, that are not accepted."""
    return pc.fill_null(pc.invert(accepted), False)


def _respelled(column: Column, raw: pa.Array) -> pa.Array | None:
    """The values with those in another frequent form of the type in the canonical one; None if the type has no such form."""
    if column.rule.choices:
        return None
    match column.type.name:
        case "timestamp":
            return pc.replace_substring_regex(raw, *_ISO)
        case "timestamptz":
            return pc.replace_substring_regex(raw, *_ZULU)
        case "double":
            return pc.replace_substring_regex(raw, *_ZEROS)
        case "numeric" if isinstance(column.type, Numeric) and column.type.precision is None:
            return pc.replace_substring_regex(raw, *_ZEROS)
    return None


def _by_format(
    column: Column, declared: Format, raw: pa.Array, missing: NDArray[np.bool_] | None
) -> CanonicalColumn:
    """Validate a column whose values are written in a declared format."""
    texts = rewritten(declared, column.type.name, raw)
    accepted = None if texts is None else shortcut(column, texts)
    if texts is None or accepted is None:
        return validate_column(column, raw, None, missing)
    accepted = pc.if_else(
        pc.is_null(raw), pa.scalar(None, pa.bool_()), pc.coalesce(accepted, pa.scalar(False))
    )
    changed = _numpy(pc.fill_null(pc.and_(accepted, pc.not_equal(texts, raw)), False))
    if not changed.any() and pc.all(accepted, min_count=0).as_py():
        return accepted_column(column, _quote_known(column, raw), missing)
    return validate_column(column, raw, accepted, missing, texts, changed)


def accepted_column(column: Column, quoted: pa.Array, missing: NDArray[np.bool_] | None) -> CanonicalColumn:
    """A column without errors, given by its canonical texts in the form of a row's text."""
    if missing is None:
        return CanonicalColumn(quoted)
    default = _without_value(column)
    if default.quoted is not None:
        quoted = pc.coalesce(quoted, pa.scalar(default.quoted))
    return CanonicalColumn(quoted, missing.astype(np.int64), (_FINE, default))


def _without_value(column: Column) -> Validated:
    """The result for a row without a value."""
    if column.nullable:
        return _FINE
    default = column.rule.default
    return _MISSING if default is None else Validated(quote(default), (), ("defaulted",))


def _accepts_everything(column: Column) -> bool:
    rule = column.rule
    bounds = (rule.pattern, rule.min_length, rule.max_length, rule.max_bytes, rule.digest)
    return (
        column.type == TEXT
        and column.clean is None
        and not (column.format and column.format.null)
        and not rule.choices
        and bounds == (None,) * 5
    )


def shortcut(column: Column, raw: pa.Array) -> pa.Array | None:
    """Mask of the values that are certainly canonical (null: NULL); None if the type has no shortcut."""
    rule = column.rule
    if rule.choices:
        return None
    if column.type == TEXT:
        return _text(column, raw)
    if isinstance(column.type, WholeNumber):
        return _whole(column, column.type, raw)
    if column.type.name == "double":
        return _double(column, raw)
    if isinstance(column.type, Numeric):
        pattern = _numeric(column.type, rule)
        return None if pattern is None else pc.match_substring_regex(raw, pattern)
    pattern = _PATTERNS.get(column.type.name)
    return None if pattern is None else pc.match_substring_regex(raw, pattern)


def _text(column: Column, raw: pa.Array) -> pa.Array | None:
    """Mask of the texts that fit the pattern or the lengths, and of which no character can be trimmed."""
    rule, upper = column.rule, column.clean is not None and column.clean.upper
    if rule.digest is not None:
        return None
    if rule.pattern is not None:
        if not _TIGHT.fullmatch(rule.pattern) or (upper and re.search("[a-z]", rule.pattern)):
            return None
        fits = pc.match_substring_regex(raw, rule.pattern)
        if rule.min_length is not None:
            fits = pc.and_(fits, pc.greater_equal(pc.utf8_length(raw), rule.min_length))
    elif upper or (rule.min_length or 0) > 1:
        return None
    else:
        fits = pc.match_substring_regex(raw, _TRIMMED)
    if rule.max_length is not None:
        fits = pc.and_(fits, pc.less_equal(pc.utf8_length(raw), rule.max_length))
    if rule.max_bytes is not None:
        fits = pc.and_(fits, pc.less_equal(pc.binary_length(raw), rule.max_bytes))
    return fits


def _whole(column: Column, kind: WholeNumber, raw: pa.Array) -> pa.Array:
    """Mask of the integers without signs and zeros that the canonical text lacks, within bounds."""
    rule = column.rule
    plain = pc.match_substring_regex(raw, _INTEGER)
    numbers = pc.cast(pc.if_else(plain, raw, pa.scalar(None, pa.string())), pa.int64())
    lowest, highest = kind.limits
    low = lowest if rule.ge is None else max(lowest, math.ceil(rule.ge))
    high = highest if rule.le is None else min(highest, math.floor(rule.le))
    if low > high:
        return pc.if_else(pc.is_null(raw), pa.scalar(None, pa.bool_()), pa.scalar(False))
    within = pc.and_(pc.greater_equal(numbers, low), pc.less_equal(numbers, high))
    return pc.if_else(pc.is_null(raw), pa.scalar(None, pa.bool_()), pc.coalesce(within, pa.scalar(False)))


def _numeric(kind: Numeric, rule: ColumnRule) -> str | None:
    """A pattern of canonical numbers. A negative one begins with a digit that is not zero, because -0.00 is 0.00."""
    if rule.le is not None or rule.ge not in {None, 0}:
        return None
    sign = "-?" if rule.ge is None else ""
    if kind.precision is None:
        return rf"^(?:0|{sign}[1-9][0-9]{{0,30}})(?:\.[0-9]{{0,30}}[1-9])?$"
    if kind.precision <= kind.scale or kind.scale < 0:
        return None
    decimals = rf"\.[0-9]{{{kind.scale}}}" if kind.scale else ""
    return rf"^(?:0|{sign}[1-9][0-9]{{0,{kind.precision - kind.scale - 1}}}){decimals}$"


def _double(column: Column, raw: pa.Array) -> pa.Array:
    """Mask of the texts that are the shortest round-trip form of their value and within bounds."""
    plain = pc.and_(pc.match_substring_regex(raw, DOUBLE), pc.invert(pc.match_substring(raw, TINY)))
    numbers = pc.cast(pc.if_else(plain, raw, pa.scalar(None, pa.string())), pa.float64())
    same = pc.equal(pc.cast(numbers, pa.string()), raw)
    if column.rule.ge is not None:
        same = pc.and_(same, pc.greater_equal(numbers, float(column.rule.ge)))
    if column.rule.le is not None:
        same = pc.and_(same, pc.less_equal(numbers, float(column.rule.le)))
    return pc.if_else(pc.is_null(raw), pa.scalar(None, pa.bool_()), pc.coalesce(same, pa.scalar(False)))


def _quote_known(column: Column, texts: pa.Array) -> pa.Array:
    """Canonical texts of a shortcut, quoted if they are timestamps or texts that need it."""
    if column.type == TEXT and column.rule.pattern is None:
        return quote_free_text(texts)
    if column.type.name not in {"timestamp", "timestamptz"}:
        return texts
    mark = pa.scalar('"')
    return pc.binary_join_element_wise(mark, texts, mark, "")


def quote_free_text(texts: pa.Array) -> pa.Array:
    """Texts in the form of a row's text. Each distinct text is inspected once; none if no character needs quotes."""
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
    """Whether no character of the array needs quotes and no text is empty."""
    data = text_bytes(texts)
    if len(data.translate(None, _SPECIAL)) != len(data):
        return False
    return not pc.any(pc.equal(pc.binary_length(texts), 0), min_count=0).as_py()


def validate_column(
    column: Column,
    raw: pa.Array,
    accepted: pa.Array | None,
    missing: NDArray[np.bool_] | None,
    texts: pa.Array | None = None,
    changed: NDArray[np.bool_] | None = None,
    validate: Callable[[Column, str], Validated] | None = None,
) -> CanonicalColumn:
    """Validate every distinct value that no shortcut accepted with the column's validator.

    ``texts``: the canonical texts of the accepted values if they are not ``raw``; ``changed``: which of them differ.
    ``validate``: the validation of a value in ``raw``; default: of a text.
    """
    validate = validate or validate_text
    others = pc.is_valid(raw) if accepted is None else _others(accepted)
    encoded = raw.filter(others).dictionary_encode()
    validated = (
        *(validate(column, value) for value in encoded.dictionary.to_pylist()),
        _FINE,
        _without_value(column),
        _FORMATTED,
    )
    fine = len(validated) - 3
    indices = np.full(len(raw), fine, np.int64)
    indices[_numpy(others)] = _numpy(encoded.indices)
    if missing is not None:
        indices[missing] = fine + 1
    if changed is not None:
        indices[changed] = fine + 2
    texts_of = pa.array([v.quoted for v in validated], pa.string())
    if accepted is None:
        return CanonicalColumn(texts_of.take(pa.array(indices)), indices, validated)
    quoted = _quote_known(column, raw if texts is None else texts)
    if not all(value.errors for value in validated[:fine]):
        quoted = _replaced(quoted, others, texts_of.take(encoded.indices))
    if missing is not None and validated[fine + 1].quoted is not None:
        quoted = pc.coalesce(quoted, pa.scalar(validated[fine + 1].quoted))
    return CanonicalColumn(quoted, indices, validated)


def validate_text(column: Column, value: str) -> Validated:
    """Validate a text of a file: rewritten by the column's format, and cleaned."""
    return validate_rewritten(column, *rewrite_value(column, value))


def validate_rewritten(column: Column, cleaned: str | None, names: tuple[str, ...]) -> Validated:
    """Validate a text after its format, which made the changes ``names``."""
    if column.clean is not None and cleaned is not None:
        cleaned, more = clean_value(column.clean, cleaned)
        names = (*names, *more)
    if cleaned is None:
        empty = _without_value(column)
        return empty._replace(cleanings=(*names, *empty.cleanings))
    return validate_value(column, cleaned, names)


def validate_value(column: Column, value: Any, names: tuple[str, ...] = ()) -> Validated:
    """Validate a value that is not NULL, after cleaning."""
    try:
        result = column.rule.adapter.validate_python(value)
    except ValidationError as error:
        return Validated(None, tuple((e["type"], e["msg"]) for e in findings(error)), names)
    return Validated(None if result is None else quote(column.type.text(result)), (), names)


def _numpy(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False))
