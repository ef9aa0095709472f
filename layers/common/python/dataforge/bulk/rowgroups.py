"""A Parquet file as texts: what a CSV would have said, column by column, so that there is one verdict on both.

It is read by ranges, a bounded number of rows at a time. NULL is null; an empty text is one, which CSV cannot say.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataforge.errors import DamagedFile
from dataforge.objects import Object, read_range
from dataforge.rejections import RAW_LIMIT, raw_text

BATCH_ROWS = 16_384
_BUFFER = 1 << 20
_WHOLE = float(2**53)
"""Below it every integer has a double of its own."""

Texts = Mapping[str, pa.Array]


@dataclass(frozen=True)
class Rows:
    """Some rows of a file, ``first`` being the number of the first of them (from 0)."""

    first: int
    columns: pa.Table

    def texts(self) -> Texts:
        """The columns as texts. A value that is no text (UTF-8) is null here, see ``broken``."""
        return {
            name: text_of(self.columns.column(name).combine_chunks()) for name in self.columns.column_names
        }

    def broken(self) -> set[int]:
        """Which of the rows hold text that is not UTF-8."""
        columns = (self.columns.column(name).combine_chunks() for name in self.columns.column_names)
        return {
            i
            for c in columns
            if _is_text(c.type) and not _valid(c)
            for i in np.flatnonzero(_not_utf8(c)).tolist()
        }

    def raw(self, texts: Texts, index: int) -> str:
        """One row as JSON: a text or null for each column; bytes that are no text, and NUL, as \\xNN."""
        row = {name: self._shown(name, column, index) for name, column in texts.items()}
        raw = json.dumps(row, ensure_ascii=False)
        return raw if len(raw) <= RAW_LIMIT else json.dumps(raw_text(raw.encode()), ensure_ascii=False)

    def _shown(self, name: str, texts: pa.Array, index: int) -> str | None:
        value = self.columns.column(name)[index]
        if value.is_valid and not texts[index].is_valid:
            return str(value.cast(pa.binary()).as_py().decode(errors="backslashreplace")).replace(
                "\0", "\\x00"
            )
        text = texts[index].as_py()
        return None if text is None else str(text).replace("\0", "\\x00")


class _Ranges(io.RawIOBase):
    """An object as a file that can be sought in."""

    def __init__(self, s3: Any, source: Object) -> None:
        self._s3, self._source, self._at = s3, source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = read_range(self._s3, self._source, self._at, min(self._at + len(buffer), self._source.size))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _damaged(source: Object) -> Iterator[None]:
    """Arrow's complaints about a file as ``DamagedFile``; errors of reading it pass as they are."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(source.key, "Parquet", str(error).splitlines()[0][:200]) from error


def open_file(s3: Any, source: Object) -> pq.ParquetFile:
    """The file, its footer read. Raises ``DamagedFile``, ``SourceChanged``."""
    with _damaged(source):
        return pq.ParquetFile(_Ranges(s3, source), buffer_size=_BUFFER, pre_buffer=False)


def group_ends(file: pq.ParquetFile) -> list[tuple[int, int]]:
    """Of each row group: the number of rows up to its end, and its bytes in memory."""
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    ends = np.cumsum([group.num_rows for group in groups], dtype=np.int64).tolist()
    return [(end, group.total_byte_size) for end, group in zip(ends, groups, strict=True)]


def read_rows(s3: Any, source: Object, start: int, end: int) -> Iterator[Rows]:
    """The rows from one row group's start to another's end. Raises ``DamagedFile``, ``SourceChanged``."""
    file = open_file(s3, source)
    ends = [end for end, _ in group_ends(file)]
    groups = [i for i, upto in enumerate(ends) if start < upto <= end]
    with _damaged(source):
        for batch in file.iter_batches(BATCH_ROWS, groups, use_threads=False):
            yield Rows(start, pa.Table.from_batches([batch]))
            start += batch.num_rows


def unreadable(schema: pa.Schema) -> Sequence[str]:
    """The columns that hold no single values, with their types."""
    return [f"{field.name} ({field.type})" for field in schema if not _is_value(field.type)]


def _is_value(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    others = (_is_text, pa.types.is_timestamp, pa.types.is_date, pa.types.is_null)
    return any(is_one(kind) for is_one in (*numbers, *others))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def text_of(column: pa.Array) -> pa.Array:
    """Values as the texts that a CSV has for them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return text_of(column.dictionary_decode())
    if _is_text(kind) and not _valid(column):
        column = pc.if_else(
            pa.array(_not_utf8(column)), pa.scalar(None, pa.binary()), column.cast(pa.binary())
        )
    if pa.types.is_floating(kind):
        return _float_texts(column.cast(pa.float64()) if pa.types.is_float16(kind) else column)
    if pa.types.is_timestamp(kind):
        texts = column.cast(pa.timestamp(kind.unit)).cast(pa.string())
        texts = pc.replace_substring_regex(texts, r"\.([0-9]*?)0*$", r".\1")
        texts = pc.replace_substring_regex(texts, r"\.$", "")
        return pc.binary_join_element_wise(texts, "Z", "") if kind.tz else texts
    if pa.types.is_date64(kind):
        column = column.cast(pa.date32())
    return column.cast(pa.string())


def _float_texts(column: pa.Array) -> pa.Array:
    """Whole numbers without an exponent: other tools keep integers as doubles where one of them is missing."""
    whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _WHOLE))
    integers = pc.if_else(whole, column, pa.scalar(None, column.type)).cast(pa.int64())
    return pc.coalesce(integers.cast(pa.string()), column.cast(pa.string()))


def _valid(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _not_utf8(column: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which values are bytes that are no text."""

    def broken(value: bytes | None) -> bool:
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            return True
        return False

    return np.array([broken(v) for v in column.cast(pa.binary()).to_pylist()], np.bool_)
