r"""Detect the dialect of a CSV by trying: every plausible dialect reads the sample, and the most regular result wins.

Counting characters fails where a field contains the delimiter. A right dialect gives records of one width whose fields have
recognisable shapes; a wrong one gives few fields, widths that vary, or fields that begin or end with quotes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dataforge.formats.candidates import HEAD_BYTES, first_records
from dataforge.formats.dialect import Csv
from discovery.formats.encodings import detect_encoding
from discovery.formats.headers import Header, detect_header
from discovery.formats.shapes import shape

SAMPLE_BYTES = HEAD_BYTES
_DELIMITERS = (",", ";", "\t", "|", ":", "^", "~", ", ", " ", "\x1f", "\x01", "#", "=", "\xa6")
_PRECEDENCE = {
    ",": 1.0,
    ";": 1.0,
    "	": 1.0,
    "|": 1.0,
    ", ": 0.99,
    "^": 0.97,
    "~": 0.9,
    " ": 0.6,
    ":": 0.3,
    "=": 0.3,
    "#": 0.3,
}
"""The usual delimiters first: a time or a sentence has colons or blanks in regular places, too."""
_QUOTES = ('"', "'", "~", "`")
_QUOTE_PRECEDENCE = {'"': 1.0, None: 0.98}
_ESCAPES = ("\\", "\0")
_RECORDS = 500
_AMBIGUOUS = 0.05


@dataclass(frozen=True)
class Detected:
    """A dialect with the reason for each of its parts. ``sure``: between 0 and 1, by the distance to the second best.

    ``reasons``: by the name of the argument of ``Csv``. ``by_names``: only the form of the first line suggests a header.
    """

    dialect: Csv
    sure: float
    reasons: Mapping[str, str] = field(default_factory=dict)
    by_names: bool = False


def detect(sample: bytes, *, whole: bool, given: Mapping[str, Any] | None = None) -> Detected:
    """The dialect of a file that begins with ``sample``. ``whole``: the sample is the file.

    ``given``: the arguments of ``Csv`` that are known; the others are detected.
    """
    known = dict(given or {})
    encoding, because = detect_encoding(sample, whole=whole)
    encoding = known.get("encoding", encoding)
    reading = {name: value for name, value in known.items() if name != "header"}
    dialects = dict.fromkeys(replace(dialect, **reading) for dialect in candidates(sample, encoding, known))
    tried = sorted(
        (_try(dialect, sample, whole=whole) for dialect in dialects), key=lambda attempt: -attempt.score
    )
    best, *others = tried
    second = next((a.score for a in others if a.dialect.delimiter != best.dialect.delimiter), 0.0)
    header = detect_header(best.rows, best.width)
    found = {"header": header.lines, "skip": header.skip}
    dialect = replace(best.dialect, **{**found, **known})
    sure = 1.0 if best.score == 0 else 1 - min(1.0, second / best.score)
    by_names = header.by_names and "header" not in known
    return Detected(dialect, round(sure, 2), _reasons(best, second, header, because), by_names)


def _reasons(best: Attempt, second: float, header: Header, encoding: str) -> dict[str, str]:
    same = sum(len(row) == best.width for row in best.rows)
    close = ", and the next best is close" if second > (1 - _AMBIGUOUS) * best.score > 0 else ""
    columns = f"{same} of {len(best.rows)} records have {best.width} fields{close}"
    if best.width == 1:
        columns = "no delimiter gives more than one column"
    return {
        "encoding": encoding,
        "delimiter": columns,
        "quote": f"{best.quoted} fields are quoted" if best.quoted else "no field is quoted",
        "header": header.reason,
    }


@dataclass(frozen=True)
class Attempt:
    """The sample, read in one dialect. ``rows``: the well-formed records; ``width``: the fields of most."""

    dialect: Csv
    rows: tuple[tuple[str, ...], ...]
    width: int
    quoted: int
    score: float


def candidates(sample: bytes, encoding: str, known: Mapping[str, Any]) -> Iterator[Csv]:
    text = sample.decode(encoding, errors="replace")
    delimiters = [mark for mark in _DELIMITERS if mark in text] or [","]
    delimiters = [known["delimiter"]] if "delimiter" in known else delimiters
    # Without quotes: a text such as 5" has one that encloses nothing.
    unquoted = (
        (None,)
        if '"' in text and not any(_opens(text, mark, q) for mark in delimiters for q in _QUOTES)
        else ()
    )
    quotes = [known["quote"]] if "quote" in known else (*_QUOTES, *unquoted)
    for delimiter, quote in itertools.product(delimiters, quotes):
        if quote is None:
            yield Csv(delimiter=delimiter, quote=None, encoding=encoding, header=0)
            continue
        if quote in delimiter or (quote != '"' and not _quotes(text, delimiter, quote)):
            continue
        escapes = [None, *(e for e in _ESCAPES if e + quote in text and e not in delimiter)]
        for escape in escapes:
            yield Csv(delimiter=delimiter, quote=quote, escape=escape, encoding=encoding, header=0)


def _quotes(text: str, delimiter: str, quote: str) -> bool:
    """Whether the character encloses fields somewhere."""
    closes = any(quote + mark in text for mark in (delimiter, "\n", "\r")) or text.rstrip().endswith(quote)
    return _opens(text, delimiter, quote) and closes


def _opens(text: str, delimiter: str, quote: str) -> bool:
    """Whether the character begins a field somewhere."""
    return text.startswith(quote) or any(mark + quote in text for mark in (delimiter, "\n", "\r"))


def _try(dialect: Csv, sample: bytes, *, whole: bool) -> Attempt:
    records = first_records(sample, dialect, _RECORDS, whole=whole)
    rows = tuple(record.fields for record in records if record.fields is not None)
    if not rows:
        return Attempt(dialect, (), 0, 0, 0.0)
    width, same = _width(rows)
    quoted = sum(sum(record.quoted) for record in records if record.fields is not None)
    regular = same / len(records)
    score = regular**2 * _more_columns(width) * _clean_fields(rows, dialect)
    mark = dialect.delimiter if isinstance(dialect.delimiter, str) else ""
    score *= 0.3 if _has_marks_only(rows, width) else 1
    score *= (
        _PRECEDENCE.get(mark, 0.9)
        * (0.999 if dialect.escape else 1)
        * _QUOTE_PRECEDENCE.get(dialect.quote, 0.99)
    )
    return Attempt(dialect, rows, width, quoted, score)


def _width(rows: tuple[tuple[str, ...], ...]) -> tuple[int, int]:
    """The most frequent number of fields, the larger of two, and how often it occurs."""
    counted = Counter(map(len, rows))
    return max(counted.items(), key=lambda item: (item[1], item[0]))


def _more_columns(width: int) -> float:
    """A constant number of many columns is not an accident; a single one is what every wrong delimiter gives."""
    return (width - 1) / width if width > 1 else 0.001


def _clean_fields(rows: tuple[tuple[str, ...], ...], dialect: Csv) -> float:
    """The share of fields that look like values: not like parts of a field that was cut or not unquoted."""
    fields = list(itertools.chain.from_iterable(rows[:200]))
    return sum(_cleanness(text, dialect) for text in fields) / len(fields) if fields else 0.0


def _has_marks_only(rows: tuple[tuple[str, ...], ...], width: int) -> bool:
    """Whether some column consists of delimiters: then this delimiter is really the quote."""
    columns = zip(*(row for row in rows[:200] if len(row) == width), strict=True)
    return any(all(len(text) == 1 and text in _DELIMITERS for text in column) for column in columns)


def _cleanness(text: str, dialect: Csv) -> float:
    bare = text.strip()
    if bare[:1] == '"' or bare[-1:] == '"' or (len(bare) == 1 and bare in _DELIMITERS):
        return 0.2
    if text[:1] == " " and dialect.delimiter != " ":
        return 0.8
    found = shape(text)
    if found == "empty":
        return 0.9
    return 0.9 if found == "text" else 1.0
