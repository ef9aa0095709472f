"""Suggest declarations by which a column would accept the values that it rejects.

Each candidate is tried: it is suggested only if the column, declared so, accepts enough of the values. Rejected values are
the only evidence; a suggestion is a question to the author of the dataset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from dataforge.errors.nearest import nearest
from dataforge.records.suggestion_candidates import FIRST, Candidate, candidates
from dataforge.records.validate import clean_value, rewrite_value
from dataforge.tables.catalogue import Column

SUGGESTIONS = 3
"""Suggestions for one column."""
DISTINCT = 5_000
"""Distinct values on which candidates are tried."""
_LEAST = 3
"""Values that are evidence, if other values of the column contradict the suggestion."""
_DELIMITERS = {";": "';'", "\t": "'\\t'", "|": "'|'", ",": "','"}

Values = Mapping[str, int]
"""Rejected raw values of a column, with their number."""


@dataclass(frozen=True)
class Suggestion:
    """``text``: the evidence and the declaration. ``column``: None for the whole file. ``values``: how many are evidence."""

    column: str | None
    text: str
    declaration: str
    values: int


def suggest(column: Column, values: Values, *, read: int, empty: int = 0) -> list[Suggestion]:
    """Suggestions for a column, the one for most values first.

    ``read``: the number of values of the column, rejected or not. ``empty``: the number of those that are missing.
    """
    found = list(_of_empty(column, empty, read))
    # A value that breaks no rule of the column was rejected for another reason.
    remaining = Counter({v: n for v, n in values.items() if v.strip() and not accepts(column, v)})
    while remaining and len(found) < SUGGESTIONS:
        best = _best(column, Counter(dict(islice(remaining.items(), DISTINCT))))
        if best is None:
            break
        candidate, accepted = best
        if len(remaining) > DISTINCT:
            accepted = _accepted(candidate, remaining)
        found.append(_suggestion(candidate, accepted, remaining, read))
        remaining = Counter({value: n for value, n in remaining.items() if value not in accepted})
    return found


def _of_empty(column: Column, empty: int, read: int) -> Iterator[Suggestion]:
    if empty:
        declaration = "… | None = None"
        text = f"{_counted(empty, read)} are empty. Declare {declaration}, or a default"
        yield Suggestion(column.name, text, declaration, empty)


def _accepted(candidate: Candidate, values: Counter[str]) -> Counter[str]:
    return Counter({value: n for value, n in values.items() if accepts(candidate.column, value)})


def _best(column: Column, values: Counter[str]) -> tuple[Candidate, Counter[str]] | None:
    """The candidate that accepts the most values, with these, if they are evidence; the first of equal ones."""
    first = list(islice(values, FIRST))
    best: tuple[Candidate, Counter[str]] | None = None
    most = 0
    for candidate in candidates(column, values):
        if not any(accepts(candidate.column, value) for value in first):
            continue
        accepted = _accepted(candidate, values)
        if accepted.total() > most:
            best, most = (candidate, accepted), accepted.total()
    enough = min(_LEAST, values.total())
    return best if best is not None and (best[0].is_known or most >= enough) else None


def accepts(column: Column, value: str) -> bool:
    """Whether the column accepts a raw value of a file."""
    text, _ = rewrite_value(column, value)
    if text is not None and column.clean is not None:
        text, _ = clean_value(column.clean, text)
    if text is None:
        return column.nullable or column.rule.default is not None
    # An error takes longer to make than the test takes.
    return column.rule.adapter.validator.isinstance_python(text)


def _suggestion(candidate: Candidate, accepted: Counter[str], values: Counter[str], read: int) -> Suggestion:
    """The suggestion, which names the other reading of the values (DD/MM or MM/DD) and what decides."""
    count, name = accepted.total(), candidate.column.name
    evidence, declaration = candidate.evidence(accepted), candidate.declaration
    if candidate.twin is not None:
        impossible = count - sum(n for v, n in accepted.items() if accepts(candidate.twin.column, v))
        if impossible and candidate.twin.is_shown:
            evidence += f" ({impossible:,} {_plural(impossible)} impossible as {candidate.twin.name})"
        elif not impossible:
            evidence += f" or {candidate.twin.name}, and no value decides"
            declaration += f" or {candidate.twin.declaration}"
    colon = ":" if evidence.startswith("date format") else ""
    end = "" if evidence.endswith("?") else "."
    text = f"{_counted(count, max(read, values.total()))}{colon} {evidence}{end} Declare {declaration}"
    return Suggestion(name, text, declaration, count)


def _plural(count: int) -> str:
    return "value" if count == 1 else "values"


def _counted(count: int, read: int) -> str:
    return f"all {count:,} {_plural(count)}" if count == read else f"{count:,} of {read:,} values"


def suggest_delimiter(
    raw: Iterable[str], columns: Sequence[str], delimiter: str, *, rejected: int
) -> Suggestion | None:
    """A suggestion for records that have another number of fields than the header: another delimiter."""
    records = list(raw)
    for other, shown in _DELIMITERS.items():
        fitting = sum(record.count(other) == len(columns) - 1 for record in records)
        if other != delimiter and len(columns) > 1 and fitting == len(records) >= _LEAST:
            declaration = f"Csv(delimiter={shown})"
            text = (
                f"{rejected:,} records have the header's {len(columns)} fields if {shown} separates them. "
                f"Declare {declaration}"
            )
            return Suggestion(None, text, declaration, rejected)
    counts = {record.count(delimiter) + 1 for record in records}
    if len(records) >= _LEAST and len(counts) == 1 and not counts & {1, len(columns)}:
        text = f"{rejected:,} records have {counts.pop()} fields, and the file's columns are {len(columns)}"
        return Suggestion(
            None, f"{text}. Declare a column for each field", "a column for each field", rejected
        )
    return None


def suggest_encoding(codec: str, rejected: int) -> Suggestion:
    """A suggestion for records that are not text in the declared encoding. Which other one it is cannot be decided."""
    declaration = f"Csv(encoding={'cp1252' if codec == 'utf-8' else 'utf-8'!r})"
    records = "1 record is" if rejected == 1 else f"{rejected:,} records are"
    text = f"{records} not text in {codec}. Declare the encoding of the file, such as {declaration}"
    return Suggestion(None, text, declaration, rejected)


def suggest_header(key: str, rejected: int, columns: Sequence[str]) -> Suggestion | None:
    """A suggestion for records with a key that no column has, if it resembles a column."""
    column = nearest(key, columns)
    if column is None:
        return None
    declaration = f"Header({key!r})"
    records = "1 record has" if rejected == 1 else f"{rejected:,} records have"
    text = f"{records} the key {key!r}, which no column takes. Declare {declaration} for {column}"
    return Suggestion(column, text, declaration, rejected)
