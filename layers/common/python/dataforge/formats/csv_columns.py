"""Read CSV text as columns of strings with Arrow.

Arrow reads UTF-8 with marks of one byte, so the text of another encoding is converted. A mark that is not ASCII is replaced
before by a control character that the text does not contain.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from dataforge.formats.dialect import Csv

_FREE = bytes(byte for byte in range(1, 32) if byte not in b"\t\n\r")
"""Control characters that can stand for a mark."""


def read_texts(
    data: bytes, names: Sequence[str], *, quoted_is_null: bool, check_utf8: bool = True
) -> pa.Table:
    """The records of ``data``, which has no header, as columns of unchanged strings.

    An empty field is null; ``""`` is null only if ``quoted_is_null``. Raises ``pa.ArrowInvalid`` for another field count.
    """
    quote = '"' if b'"' in data else ""
    return _read(data, names, ",", quote, ("",), quoted_is_null=quoted_is_null, check_utf8=check_utf8)


def _read(
    data: bytes,
    names: Sequence[str],
    delimiter: str,
    quote: str,
    null: Sequence[str],
    *,
    quoted_is_null: bool,
    check_utf8: bool,
) -> pa.Table:
    if data.startswith(codecs.BOM_UTF8):
        # Arrow would remove it as a byte order mark; here it is part of a value.
        data = codecs.BOM_UTF8 + data
    return pacsv.read_csv(
        pa.BufferReader(data),
        pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        pacsv.ParseOptions(delimiter=delimiter, quote_char=quote or False, newlines_in_values=bool(quote)),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(null),
            strings_can_be_null=True,
            quoted_strings_can_be_null=quoted_is_null,
            check_utf8=check_utf8,
        ),
    )


def read_dialect_texts(data: bytes, names: Sequence[str], dialect: Csv) -> pa.Table | None:
    """The records of ``data``, which are valid text in the dialect, as columns; null: what the dialect reads as NULL.

    None if Arrow cannot distinguish the fields that are NULL, or no control character is free.
    """
    marks = {mark: mark for mark in (dialect.delimiters[0], dialect.quote or "")}
    free = iter(byte for byte in _FREE if byte not in data)
    for mark in marks:
        if not mark.isascii() or mark == "\0":
            byte = next(free, None)
            if byte is None:
                return None
            marks[mark] = chr(byte)
            data = data.replace(mark.encode(dialect.codec), bytes((byte,)))
    if dialect.codec != "utf-8" and not data.isascii():
        data = data.decode(dialect.codec).encode()
    delimiter, quote = marks.values()
    quoted = bool(quote) and quote.encode() in data
    if quoted and dialect.quoted_null and "" not in dialect.null:
        return None
    if not data.endswith(b"\n"):
        # Arrow takes an empty field at the end of the data for a quoted one if the field before it is quoted.
        data += b"\n"
    quote = quote if quoted else ""
    table = _read(data, names, delimiter, quote, dialect.null, quoted_is_null=False, check_utf8=False)
    if not quoted:
        return table
    columns = [_unquoted(column, marks, dialect) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _unquoted(column: pa.ChunkedArray, marks: Mapping[str, str], dialect: Csv) -> pa.ChunkedArray:
    """The column with the marks that were inside quotes, and with what means NULL inside them."""
    for mark, character in marks.items():
        if mark != character:
            column = pc.replace_substring(column, character, mark)
    return (
        pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        if dialect.quoted_null
        else column
    )
