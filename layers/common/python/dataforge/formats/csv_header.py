"""Read the header of a CSV and compare its columns with those of the table."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Sequence

from dataforge.errors import DuplicateColumn, MissingColumn, UnknownColumn, WrongEncoding, WrongHeader
from dataforge.errors.nearest import nearest
from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.formats.csv_records import MARK
from dataforge.formats.headers import IGNORED, Headers

HEADER_BYTES = 1 << 16
"""Maximum size of a header in bytes."""

_IDENTIFIER = re.compile(r"[^\W\d][\w .-]{0,59}")
_SHOWN = 5
_LONGEST_SHOWN = 80
_UTF16_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = {";": "';'", "\t": "tabs", "|": "'|'", ":": "':'"}
_NOT_A_HEADER = "The first line contains none of the columns and may be a record."
_PANDAS_INDEX = re.compile(r"__index_level_[0-9]+__")


def read_header(file: str, data: bytes, wanted: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The columns in the file's order, and the offset of its first record.

    ``data``: the file's first ``HEADER_BYTES``, or all of it. ``wanted``: the columns of the table.
    Raises ``WrongEncoding``, ``WrongHeader``.
    """
    if data.startswith(_UTF16_32):
        raise WrongEncoding(file, "the file is encoded in UTF-16 or UTF-32")
    mark = len(MARK) if data.startswith(MARK) else 0
    ends = split_records(data[mark:], last=len(data) < HEADER_BYTES).ends
    header = data[mark : mark + int(ends[0])] if len(ends) else data[mark:]
    return _columns(file, header, wanted), mark + len(header)


def _columns(file: str, header: bytes, wanted: Sequence[str]) -> tuple[str, ...]:
    fields = parse_fields(header)
    try:
        columns = None if fields is None else tuple(field.decode().strip() for field in fields)
        delimiter = _other_delimiter(header.decode(), columns or (), wanted)
    except UnicodeDecodeError:
        raise WrongEncoding(file, "the header is not UTF-8") from None
    if delimiter:
        raise WrongHeader(file, delimiter, "Export the file again with commas, or convert it.")
    if columns is None:
        raise WrongHeader(file, "it has a quote inside an unquoted field, or an unclosed quote")
    if b"\r" in header.replace(b"\r\n", b""):
        raise WrongHeader(file, "it contains a bare CR", "End lines with LF or CRLF.")
    return columns


def _other_delimiter(header: str, columns: Sequence[str], wanted: Sequence[str]) -> str:
    """Detail of the error if another delimiter yields more columns of the table, or several fields; else empty."""
    line = header.splitlines()[0] if header.strip() else ""
    cut = {sign: [part.strip().strip('"').strip() for part in line.split(sign)] for sign in _DELIMITERS}
    sign = max(cut, key=lambda one: (_known(cut[one], wanted), len(cut[one])))
    found = cut[sign]
    alone = len(columns) == 1 < len(wanted) and len(found) > 1 and all(map(_IDENTIFIER.fullmatch, found))
    if _known(found, wanted) <= _known(columns, wanted) and not (alone and not _known(columns, wanted)):
        return ""
    # A line without a known column may be a record, whose values an error must not contain.
    shown = f", with the columns {_some(found)}" if _known(found, wanted) else ""
    return (
        f"the fields appear to be separated by {_DELIMITERS[sign]}{shown}; they must be separated by commas"
    )


def _known(names: Sequence[str], wanted: Sequence[str]) -> int:
    return len({*names} & {*wanted})


def check_header(file: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises ``MissingColumn`` if a file's first line has none of the columns and may be a record."""
    if found and wanted and not _known(found, wanted):
        letters = {_letters(name) for name in wanted}
        spelled = [name for name in found if _letters(name) in letters]
        if spelled:
            raise MissingColumn(file, wanted, f"Found instead: {_some(spelled)}.", "Rename the columns.")
        raise MissingColumn(file, wanted, _NOT_A_HEADER, "Add the header.")


def _letters(name: str) -> str:
    """The normalized spelling of a column's name."""
    return "".join(filter(str.isalnum, name.casefold()))


def check_columns(file: str, found: Sequence[str], names: Headers, required: Sequence[str]) -> None:
    """Raises ``MissingColumn``, ``UnknownColumn`` or ``DuplicateColumn`` if the headers are not those of the source.

    ``required``: the columns that are not optional.
    """
    columns = [names.column(header) for header in found]
    unknown = [header for header, column in zip(found, columns, strict=True) if column is None]
    missing = [" or ".join(texts) for column, texts in names.names if column in {*required} - {*columns}]
    if found and len(unknown) == len(found):
        check_header(file, found, names.texts)
    if missing:
        raise MissingColumn(file, missing, f"Found instead: {_some(unknown)}." if unknown else "")
    _refuse_unknown(file, unknown, names.texts)
    twice = {column for column, times in Counter(columns).items() if times > 1}
    if repeated := [
        h for h, c in zip(found, columns, strict=True) if c in twice and not str(c).startswith(IGNORED)
    ]:
        raise DuplicateColumn(file, dict.fromkeys(repeated))


def check_unknown(file: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises ``UnknownColumn`` if a file has columns that its table lacks."""
    _refuse_unknown(file, [column for column in found if column not in wanted], wanted)


def _refuse_unknown(file: str, unknown: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises ``UnknownColumn`` for headers beside those of the table, which are shown: the line is a header."""
    if not unknown:
        return
    if any(map(_PANDAS_INDEX.fullmatch, unknown)):
        hint = "Write the file without the index of the pandas DataFrame: to_parquet(..., index=False)."
        raise UnknownColumn(file, _some(unknown), hint)
    shown = [name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…" for name in unknown]
    raise UnknownColumn(file, _quoted(shown), _ignore_hint(shown, wanted))


def _ignore_hint(unknown: Sequence[str], wanted: Sequence[str]) -> str:
    similar = {name: found for name in unknown[:_SHOWN] if (found := nearest(name, wanted))}
    renamed = "".join(f" {name!r} is similar to {found!r}." for name, found in similar.items())
    line = ", ".join(map(repr, unknown[:_SHOWN])) + (", …" if len(unknown) > _SHOWN else ",")
    return (
        "Remove the columns from the file, declare them in the class of the table, or write "
        f"ignore=({line}) in its first line.{renamed}"
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (
        f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    )


def _some(names: Sequence[str]) -> str:
    """Some names of a header, of bounded length. Only identifiers are shown, because others may be values."""
    shown = [
        repr(name) if not name or _IDENTIFIER.fullmatch(name) else "a text that is not a column name"
        for name in names[:_SHOWN]
    ]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
