"""Read a Parquet file as columns of texts, as in a CSV, so that both are validated in the same way.

The file is read by ranges, a bounded number of rows at a time. NULL is null; unlike in a CSV, an empty text is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataforge.errors import DamagedFile, UnsupportedColumnType
from dataforge.formats.csv_header import check_unknown
from dataforge.formats.headers import IGNORED
from dataforge.formats.parquet_calendars import JULIAN, early_rows, is_julian
from dataforge.formats.parquet_nested import is_nested
from dataforge.formats.parquet_times import int96_texts, intervals
from dataforge.formats.parquet_values import (
    NO_TEXT,
    is_readable,
    is_text,
    plain,
    text_of,
    unreadable_rows,
)
from dataforge.records.rejections import RAW_LIMIT, raw_text
from dataforge.records.violation import Violation
from dataforge.s3.objects import Object
from dataforge.s3.seekable import SeekableObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


BATCH_ROWS = 16_384
_BUFFER = 1 << 20

Texts = Mapping[str, pa.Array]


@dataclass(frozen=True)
class Rows:
    """Some rows of a file. ``first``: number of the first row, from 0.

    ``nanoseconds``: of INT96 timestamps, whose seconds are in ``columns``. ``julian``: the columns whose
    early days are in another calendar, see ``calendars``.
    """

    first: int
    columns: Mapping[str, pa.Array]
    nanoseconds: Mapping[str, pa.Array] = field(default_factory=dict)
    julian: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return next((len(column) for column in self.columns.values()), 0)

    @cached_property
    def texts(self) -> Texts:
        """The columns as texts. null is NULL, or a value without text (see ``broken``)."""
        small = self.nanoseconds
        return {
            name: int96_texts(column, small[name]) if name in small else text_of(column)
            for name, column in self.columns.items()
        }

    @cached_property
    def broken(self) -> Mapping[int, list[Violation]]:
        """The rows with a value that has no text, and their violations."""
        found: dict[int, list[Violation]] = {}
        for name, texts in self.texts.items():
            reasons = dict(unreadable_rows(self.columns[name], texts))
            if name in self.julian:
                reasons |= dict.fromkeys(early_rows(self.columns[name]).tolist(), JULIAN)
            for row, reason in reasons.items():
                violation = NO_TEXT if reason is None else reason._replace(column=name)
                if violation not in found.setdefault(row, []):
                    found[row].append(violation)
        return found

    def raw(self, index: int) -> str:
        """One row as JSON: a text or null for each column. Bytes that are not UTF-8, and NUL, are escaped as \\xNN."""
        row = {name: self._shown(name, index) for name in self.columns}
        raw = json.dumps(row, ensure_ascii=False)
        return raw if len(raw) <= RAW_LIMIT else json.dumps(raw_text(raw.encode()), ensure_ascii=False)

    def _shown(self, name: str, index: int) -> str | None:
        value, text = self.columns[name][index], self.texts[name][index].as_py()
        if value.is_valid and text is None:
            text = _without_text(value)
        return None if text is None else str(text).replace("\0", "\\x00")


def _without_text(value: pa.Scalar) -> str:
    if is_text(value.type):
        return str(value.cast(pa.binary()).as_py().decode(errors="backslashreplace"))
    return f"<{value.type}>" if is_nested(value.type) else str(value.cast(pa.string()).as_py())


@contextmanager
def _damaged(name: str) -> Iterator[None]:
    """Raise Arrow's errors about a file as ``DamagedFile``, without their texts, which may quote values."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(name, "Parquet", f"it cannot be read ({type(error).__name__})") from None


def open_file(s3: S3Client, source: Object) -> pq.ParquetFile:
    """The file with its footer. Raises ``DamagedFile``, ``SourceChanged``."""
    with _damaged(source.key):
        return _parquet(SeekableObject(s3, source))


def _parquet(file: Any, int96: str = "s") -> pq.ParquetFile:
    return pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False, coerce_int96_timestamp_unit=int96)


def group_ends(file: pq.ParquetFile) -> list[tuple[int, int]]:
    """For each row group, the number of rows up to its end, and its size in memory."""
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    ends = np.cumsum([group.num_rows for group in groups], dtype=np.int64).tolist()
    return [(end, group.total_byte_size) for end, group in zip(ends, groups, strict=True)]


def read_rows(
    s3: S3Client, source: Object, start: int, end: int, header: Sequence[str] = ()
) -> Iterator[Rows]:
    """The rows from the start of one row group to the end of another. Raises ``DamagedFile``, ``SourceChanged``.

    ``header``: the columns of the file, in its order, if it has other names for them; ignored ones are not read.
    """
    yield from rows_of(source.key, lambda: SeekableObject(s3, source), start, end, header)


def rows_of(
    name: str, opened: Callable[[], Any], start: int = 0, end: int | None = None, header: Sequence[str] = ()
) -> Iterator[Rows]:
    """``read_rows`` of a file that each call of ``opened`` opens. ``name``: the file's name in errors."""
    with _damaged(name):
        file = _parquet(opened(), "s")
        names = file.schema_arrow.names
        columns = dict(zip(names, header or names, strict=True))
        wanted = [name for name, column in columns.items() if not column.startswith(IGNORED)]
        int96 = [column for column in int96_columns(file) if column in wanted]
        small = _parquet(opened(), "ns") if int96 else file
        julian = _julian(file, int96)
        position = 0
        for group, (reached, _) in enumerate(group_ends(file)):
            if position >= start and (end is None or reached <= end):
                for rows in _group(file, small, group, position, int96, wanted):
                    yield _renamed(replace(rows, julian=julian), columns)
            position = reached


def _renamed(rows: Rows, columns: Mapping[str, str]) -> Rows:
    """The rows with the names of the table's columns."""
    return Rows(
        rows.first,
        {columns[name]: column for name, column in rows.columns.items()},
        {columns[name]: column for name, column in rows.nanoseconds.items()},
        frozenset(columns[name] for name in rows.julian),
    )


def _group(
    file: pq.ParquetFile,
    small: pq.ParquetFile,
    group: int,
    first: int,
    int96: list[str],
    wanted: Sequence[str],
) -> Iterator[Rows]:
    lengths = interval_columns(file)
    nanoseconds = small.read_row_group(group, int96, use_threads=False) if int96 else pa.table({})
    for batch in file.iter_batches(BATCH_ROWS, [group], wanted, use_threads=False):
        columns = {
            name: intervals(column) if name in lengths else plain(column)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        yield Rows(first, columns, {c: nanoseconds.column(c)[: len(batch)].combine_chunks() for c in int96})
        nanoseconds = nanoseconds.slice(len(batch))
        first += len(batch)


def _julian(file: pq.ParquetFile, int96: list[str]) -> frozenset[str]:
    footer, names = file.metadata.metadata, file.schema_arrow.names
    return frozenset(name for name in names if is_julian(footer, int96=name in int96))


def int96_columns(file: pq.ParquetFile) -> list[str]:
    """The columns of type INT96 (Spark, Hive, Impala): day and nanoseconds, without a time zone."""
    columns = (file.schema.column(index) for index in range(len(file.schema)))
    return [c.name for c in columns if c.physical_type == "INT96" and c.path == c.name]


def interval_columns(file: pq.ParquetFile) -> list[str]:
    """The columns of Parquet's type INTERVAL (DuckDB), which Arrow reads as bytes."""
    columns = (file.schema.column(index) for index in range(len(file.schema)))
    return [c.name for c in columns if c.converted_type == "INTERVAL" and c.path == c.name]


def schema_of(file: pq.ParquetFile) -> pa.Schema:
    """The types of the columns, as their values are read."""
    lengths = interval_columns(file)
    fields = (
        field.with_type(pa.month_day_nano_interval()) if field.name in lengths else field
        for field in file.schema_arrow
    )
    return pa.schema(list(fields))


def check_schema(name: str, file: Any, columns: Sequence[str]) -> None:
    """Raise ``UnknownColumn`` or ``UnsupportedColumnType`` for columns that are not in ``columns`` or not supported."""
    with _damaged(name):
        schema = _parquet(file).schema_arrow
    check_unknown(name, schema.names, columns)
    if wrong := unreadable(schema):
        raise UnsupportedColumnType(name, wrong)


def unreadable(schema: pa.Schema, header: Sequence[str] = ()) -> Sequence[str]:
    """The columns whose types are not read, with their types, except ignored ones. ``header``: as of ``read_rows``."""
    pairs = zip(schema, header or schema.names, strict=True)
    return [
        f"{field.name} ({field.type})"
        for field, column in pairs
        if not column.startswith(IGNORED) and not is_readable(field.type)
    ]
