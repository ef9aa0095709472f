"""Files whose values have types, JSON Lines and Parquet: their columns with the kinds of their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from dataforge.errors import DataForgeError
from dataforge.files.names import is_csv, is_json_lines, is_parquet, without_compression
from dataforge.formats.headers import IGNORED
from dataforge.formats.json_lines import JsonLines
from dataforge.formats.parquet_source import Rows, open_file, read_rows, schema_of
from dataforge.formats.parquet_values import is_readable
from dataforge.s3.objects import Object
from discovery.formats.file_formats import Parquet
from discovery.formats.files import Unread, distinct, inspect
from discovery.formats.json_documents import refuse_json_document
from discovery.formats.json_files import Path, json_columns, json_records, start_of
from discovery.formats.parquet_types import kind_of
from discovery.formats.unsuitable import NotATable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Fields = tuple[str | None, ...]
_AT_ONCE = 10_000


@dataclass(frozen=True)
class TypedFile:
    """``kinds``: of each column's values, by header in the order of the file, see ``discovery.types.typed_columns``.

    ``paths``: of JSON Lines, the keys of nested objects that lead to each column. ``ignored``: the columns that are not
    read, with their types.
    ``headers``: the column's name in the file, by a name that is unlike the others in any case.
    """

    object: Object
    format: JsonLines | Parquet
    kinds: Mapping[str, frozenset[str]]
    paths: tuple[Path, ...] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    has_header = True

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.kinds)


def open_typed(s3: S3Client, file: Object, *, whole: bool) -> TypedFile | None:
    """The file, or None if its name and its content are those of a text with a dialect. Raises the errors of reading it.

    ``whole``: the columns are those of all records of JSON Lines, else those of the first ones.
    """
    if is_parquet(file.key):
        return open_parquet(s3, file)
    named = is_json_lines(file.key) or file.key.endswith(".json")
    return open_json(s3, file, whole=whole) if named or _has_objects(s3, file) else None


def _has_objects(s3: S3Client, file: Object) -> bool:
    return not is_csv(file.key) and looks_like_json(s3, file)


def open_parquet(s3: S3Client, file: Object) -> TypedFile:
    """A Parquet file, with the columns of its schema. Raises ``NotATable`` for a packed one."""
    if file.archive:
        raise NotATable(
            f"{file.key} is Parquet in an archive, which is not read.", hint="Unpack the archive."
        )
    if without_compression(file.key) != file.key:
        raise NotATable(f"{file.key} is compressed Parquet, which is not read.", hint="Decompress the file.")
    schema = schema_of(open_file(s3, file))
    fields = [field for field in schema if is_readable(field.type)]
    headers = [field.name for field in fields]
    names = distinct(headers)
    kinds = {name: frozenset([kind_of(field.type)]) for name, field in zip(names, fields, strict=True)}
    ignored = {field.name: str(field.type) for field in schema if not is_readable(field.type)}
    return TypedFile(file, Parquet(), kinds, ignored=ignored, headers=dict(zip(names, headers, strict=True)))


def looks_like_json(s3: S3Client, file: Object) -> bool:
    """Whether the first lines of a file are objects."""
    try:
        start = start_of(s3, inspect(s3, file))
    except DataForgeError:
        return False
    return bool(json_columns(s3, inspect(s3, file), start, whole=False))


def open_json(s3: S3Client, file: Object, *, whole: bool) -> TypedFile:
    """A file of JSON Lines. Raises ``NotJsonLines``, and ``NotATable`` for a document whose records a command extracts."""
    packed = inspect(s3, file)
    refuse_json_document(s3, packed)
    columns = json_columns(s3, packed, start_of(s3, packed), whole=whole)
    headers = list(map(".".join, columns))
    names = distinct(headers)
    kinds = dict(zip(names, columns.values(), strict=True))
    return TypedFile(
        packed, JsonLines(), kinds, tuple(columns), headers=dict(zip(names, headers, strict=True))
    )


def typed_records(s3: S3Client, file: TypedFile) -> Iterator[Fields | Unread]:
    """The records in order: a text for each column, None for NULL; or why a record cannot be read."""
    if isinstance(file.format, JsonLines):
        yield from json_records(s3, file.object, start_of(s3, file.object), file.paths)
        return
    for rows in _rows(s3, file):
        texts = [rows.texts[name].to_pylist() for name in file.header]
        for index, fields in enumerate(zip(*texts, strict=True)):
            if index in rows.broken:
                yield Unread(rows.first + index + 1, rows.broken[index][0].message)
            else:
                yield fields


def typed_batches(s3: S3Client, file: TypedFile) -> Iterator[pa.RecordBatch]:
    """The records that can be read, as columns of texts."""
    names = list(file.header)
    if isinstance(file.format, JsonLines):
        good = (record for record in typed_records(s3, file) if not isinstance(record, Unread))
        while some := list(islice(good, _AT_ONCE)):
            columns = [pa.array(column, pa.string()) for column in zip(*some, strict=True)]
            yield pa.record_batch(columns, names=names)
        return
    for rows in _rows(s3, file):
        batch = pa.record_batch([rows.texts[name].cast(pa.string()) for name in names], names=names)
        good_rows = [index for index in range(len(rows)) if index not in rows.broken]
        yield batch.take(pa.array(good_rows, pa.int64())) if rows.broken else batch


def _rows(s3: S3Client, file: TypedFile) -> Iterator[Rows]:
    opened = open_file(s3, file.object)
    names = {header: name for name, header in file.headers.items()}
    header = [f"{IGNORED}{n}" if n in file.ignored else names[n] for n in opened.schema_arrow.names]
    yield from read_rows(s3, file.object, 0, opened.metadata.num_rows, header)
