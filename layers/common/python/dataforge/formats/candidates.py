"""Try dialects on the beginning of a file, and state the evidence for each."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import islice, product

from dataforge.formats.dialect import Csv
from dataforge.formats.dialect_reader import Record, RecordTooLong, read_records

HEAD_BYTES = 1 << 16
"""The bytes at the beginning of a file that are sufficient to try dialects."""

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The encodings that begin with these byte order marks; those of UTF-32 begin with one of UTF-16."""

_DELIMITERS = (",", ";", "\t", "|", ":", "^", "~")
_QUOTES = ('"', "'", "~", "$")
_RECORDS = 50


@dataclass(frozen=True)
class Candidate:
    """A dialect, the evidence for each part that was found, and the first records of the file in it."""

    dialect: Csv
    reasons: tuple[str, ...]
    records: tuple[Record, ...]

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The fields of the records, without white space around them; of a malformed record none."""
        return tuple(tuple(field.strip() for field in record.fields or ()) for record in self.records)


def candidates(head: bytes, declared: Csv) -> Iterator[Candidate]:
    """The ``declared`` dialect, then others that differ from it in encoding, delimiter or quote and can be read.

    ``head``: the first ``HEAD_BYTES`` of a file, or all of it.
    """
    encoding, why = _encoding(head, declared)
    for delimiter, quote in product(
        dict.fromkeys((declared.delimiter, *_DELIMITERS)), dict.fromkeys((declared.quote, *_QUOTES))
    ):
        reasons = [why] if why else []
        if delimiter != declared.delimiter:
            reasons.append(f"the fields appear to be separated by {_shown(delimiter)}")
        if quote != declared.quote:
            reasons.append(f"fields appear to be quoted with {_shown(quote)}")
        try:
            dialect = replace(declared, delimiter=delimiter, quote=quote, encoding=encoding, skip_footer=0)
            records = tuple(first_records(head, dialect, _RECORDS, whole=len(head) < HEAD_BYTES))
        except (ValueError, RecordTooLong):
            continue
        yield Candidate(replace(dialect, skip_footer=declared.skip_footer), tuple(reasons), records)


def written(dialect: Csv) -> str:
    """The dialect as a declaration writes it."""
    standard = Csv()
    parts = (
        f"{f.name}={getattr(dialect, f.name)!r}"
        for f in fields(dialect)
        if getattr(dialect, f.name) != getattr(standard, f.name)
    )
    return f"Csv({', '.join(parts)})"


def first_records(head: bytes, dialect: Csv, most: int, *, whole: bool) -> list[Record]:
    """The first records, without one that the end of the head may cut; ``whole``: the head is the file."""
    found = list(islice(read_records(io.BytesIO(head).read, dialect), most + 1))
    return found[:-1] if len(found) > 1 and (len(found) > most or not whole) else found


def _encoding(head: bytes, declared: Csv) -> tuple[str, str]:
    """The encoding of the file, and the reason if it is not the declared one."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            if declared.codec.startswith(encoding):
                return declared.encoding, ""
            return encoding, f"the file begins with the byte order mark of {encoding.upper()}"
    if declared.codec not in {"utf-8", "ascii"}:
        return declared.encoding, ""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError as error:
        for encoding in ("cp1252", "iso8859-1"):
            try:
                head.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding, f"byte {error.start} is not valid UTF-8, and all bytes are valid {encoding}"
    return declared.encoding, ""


def _shown(mark: str | tuple[str, ...] | None) -> str:
    return "tabs" if mark == "\t" else repr(mark)
