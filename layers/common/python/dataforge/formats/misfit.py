"""Explain why a file does not fit its declaration, and write the declaration that would fit.

Fields of records are not shown: only names of the table's columns, and headers that resemble them.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice

from dataforge.errors.nearest import nearest
from dataforge.formats.candidates import Candidate, candidates, written
from dataforge.formats.dialect import Csv
from dataforge.formats.headers import Headers

_LINES = 20
"""The records among which a header is searched."""
_SHOWN = 5


@dataclass(frozen=True)
class Misfit:
    """``detail``: what was found in the file; ``hint``: the line to write."""

    detail: str
    hint: str


@dataclass(frozen=True)
class _Fit:
    """A candidate with its header in the record ``place``, ``known`` of whose fields are headers of columns."""

    candidate: Candidate
    place: int
    known: int


def explain(head: bytes, declared: Csv, names: Headers, columns: Sequence[str]) -> Misfit | None:
    """Why a file with this beginning, which has a header by its declaration, does not fit; None if nothing is evident."""
    tried = list(candidates(head, declared))
    if not tried:
        return None
    fits = [_fit(candidate, names) for candidate in tried]
    best = _unquoted(max(fits, key=lambda fit: fit.known), fits)
    own = _known(tried[0].rows[0], names) if not tried[0].reasons and tried[0].rows else -1
    if best.known > max(own, 0) and 2 * best.known >= len(columns):
        return _declare(best, names)
    return _respelled(tried[0], names) or (None if best.known else _without_header(tried, columns))


def explain_field_count(head: bytes, declared: Csv, count: int) -> Misfit | None:
    """Why no record of a file without a header has ``count`` fields, if another dialect gives every record as many."""
    others = candidates(head, declared)
    own = next(others, None)
    if own is None or own.reasons or not own.rows or any(_has(row, count, declared) for row in own.rows):
        return None
    fits = [_Fit(other, 0, 0) for other in others if all(len(row) == count for row in other.rows)]
    if not fits:
        return None
    best = _unquoted(fits[0], fits).candidate
    found = f"Its first record has {len(own.rows[0])} field(s) in the declared format"
    return Misfit(f"{found}; {'; '.join(best.reasons)}.", _hint(best.dialect))


def _unquoted(best: _Fit, fits: Sequence[_Fit]) -> _Fit:
    """Of the fits that are equal to ``best`` except for the quote, the one that removes most quotes from the fields."""
    equal = [
        fit
        for fit in fits
        if fit.candidate.dialect.delimiter == best.candidate.dialect.delimiter
        and (fit.known, fit.place) == (best.known, best.place)
        and len(fit.candidate.rows) == len(best.candidate.rows)
    ]
    return min(equal, key=lambda fit: sum(len(field) for row in fit.candidate.rows for field in row))


def _has(row: Sequence[str], count: int, declared: Csv) -> bool:
    return len(row) == count or (declared.short_records and 1 < len(row) < count)


def _fit(candidate: Candidate, names: Headers) -> _Fit:
    known = [_known(row, names) for row in islice(candidate.rows, _LINES)] or [0]
    place = max(range(len(known)), key=lambda index: (known[index], -index))
    return _Fit(candidate, place, known[place])


def _known(row: Sequence[str], names: Headers) -> int:
    return len({names.column(field) for field in row} - {None})


def _declare(fit: _Fit, names: Headers) -> Misfit | None:
    dialect, line = fit.candidate.dialect, fit.candidate.records[fit.place].line
    reasons = list(fit.candidate.reasons)
    if fit.place:
        dialect = replace(dialect, skip=line - 1)
        reasons.append(f"the header appears to be in line {line}")
    if not reasons:
        return None
    found = [field for field in fit.candidate.rows[fit.place] if names.column(field) is not None]
    shown = ", ".join(map(repr, found[:_SHOWN])) + (
        f" and {len(found) - _SHOWN} more" if found[_SHOWN:] else ""
    )
    return Misfit(f"Found: {'; '.join(reasons)}, with the columns {shown}.", _hint(dialect))


def _respelled(candidate: Candidate, names: Headers) -> Misfit | None:
    """The headers that differ from those of columns in case, spaces and signs only."""
    wanted = {_letters(text): (column, text) for column, texts in names.names for text in texts}
    row = candidate.rows[0] if candidate.rows else ()
    present = {names.column(field) for field in row}
    found = {
        field: wanted[_letters(field)]
        for field in row
        if names.column(field) is None
        and _letters(field) in wanted
        and wanted[_letters(field)][0] not in present
    }
    exact = bool(found)
    if present - {None} or found:
        found |= _similar(row, names, present, {column for column, _ in found.values()})
    if not found:
        return None
    detail = f"Found instead: {', '.join(map(repr, islice(found, _SHOWN)))}."
    if exact and all(field.casefold() == text.casefold() for field, (_, text) in found.items()):
        return Misfit(detail, _hint(replace(candidate.dialect, ignore_case=True)))
    lines = ", ".join(
        f"Header({field!r}) to {column}" for field, (column, _) in islice(found.items(), _SHOWN)
    )
    return Misfit(detail, f"Add {lines} in the class of the table.")


def _similar(
    row: Sequence[str], names: Headers, present: Set[str | None], found: Set[str]
) -> dict[str, tuple[str, str]]:
    """Headers that resemble those of missing columns."""
    unknown = [field for field in row if names.column(field) is None]
    missing = {c: texts for c, texts in names.names if c not in present and c not in found}
    pairs = ((nearest(text, unknown), column, text) for column, texts in missing.items() for text in texts)
    return {field: (column, text) for field, column, text in pairs if field is not None}


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _without_header(tried: Sequence[Candidate], columns: Sequence[str]) -> Misfit | None:
    for candidate in tried:
        if candidate.rows and all(len(row) == len(columns) > 1 for row in candidate.rows):
            found = "; ".join(
                ("the first line contains none of the columns and may be a record", *candidate.reasons)
            )
            detail = f"Found: {found}; each record at the start has {len(columns)} fields, as many as the table has columns."
            return Misfit(
                detail, f"{_hint(replace(candidate.dialect, header=0))} Or add the header to the file."
            )
    return None


def _hint(dialect: Csv) -> str:
    return f"Declare format={written(dialect)} in the class of the table, or FORMAT = {written(dialect)} in its module."
