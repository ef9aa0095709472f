"""Read the records of a file as columns of texts, by the readers of the migration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataforge.formats.csv_blocks import Block, blocks, present_records, read_columns, regular_records
from dataforge.formats.csv_objects import object_records
from dataforge.formats.csv_stream import whole_size_of
from dataforge.formats.dialect_reader import Head, one_record, read_head, read_records
from dataforge.formats.text_stream import open_text
from discovery.formats.files import TextFile
from discovery.formats.typed_files import TypedFile, typed_batches

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from discovery.folders.grouping import FoundFile, SourceFile
    from functions.migrate.scan.chunks import Chunk

_BLOCK_BYTES = 4 << 20
_HEAD_BYTES = 1 << 20
_AT_ONCE = 10_000


def member_batches(
    s3: S3Client, member: FoundFile, header: Sequence[str], part: Chunk | None = None
) -> Iterator[pa.RecordBatch]:
    """The records of one of a table's files, with all columns of the table and the values of the file's folders.

    ``part``: a range of a text, of which only these records are read.
    """
    for batch in text_batches(s3, member.file, part):
        found = dict(zip(batch.schema.names, batch.columns, strict=True))
        folders = {
            name: pa.array([value] * len(batch), pa.string())
            for name, value in member.place.partition.items()
            if name in member.folder_columns
        }
        found = {**found, **folders}
        missing = pa.nulls(len(batch), pa.string())
        yield pa.record_batch([found.get(name, missing) for name in header], names=list(header))


def text_batches(s3: S3Client, file: SourceFile, part: Chunk | None = None) -> Iterator[pa.RecordBatch]:
    """The records that can be read and have the file's number of fields; empty fields are null.

    ``part``: as in ``member_batches``.
    """
    if isinstance(file, TypedFile):
        yield from typed_batches(s3, file)
        return
    if part is not None:
        yield from _by_columns(s3, file, part.start, part.end, part.line)
        return
    if file.dialect.is_parallel:
        head = head_of(s3, file)
        if not head.has_bare_returns:
            yield from _by_columns(s3, file, head.end, file.object.size, head.line)
            return
    yield from _one_by_one(s3, file)


def head_of(s3: S3Client, file: TextFile) -> Head:
    """The head of a file whose dialect is parallel."""
    with open_text(s3, file.object) as text:
        return read_head(text.read(_HEAD_BYTES), file.dialect)


def _by_columns(s3: S3Client, file: TextFile, start: int, end: int, line: int) -> Iterator[pa.RecordBatch]:
    whole_size = whole_size_of(file.dialect)
    for records in object_records(s3, file.object, start, end, line, whole_size):
        cut = blocks(records.data, _names(file), records.start, _BLOCK_BYTES, dialect=file.dialect)
        for block in cut:
            yield from _block(block, file)


def _block(block: Block, file: TextFile) -> Iterator[pa.RecordBatch]:
    present = present_records(block)
    regular = regular_records(block) & present
    table = read_columns(block, np.flatnonzero(regular)) if regular.any() else None
    if table is None:
        regular = np.zeros(len(present), np.bool_)
    else:
        yield from table.combine_chunks().rename_columns(list(file.header)).to_batches()
    others = [
        one_record(block.raw(int(index)), file.dialect).fields for index in np.flatnonzero(present & ~regular)
    ]
    yield from _batch([fields for fields in others if fields is not None], file)


def _one_by_one(s3: S3Client, file: TextFile) -> Iterator[pa.RecordBatch]:
    with open_text(s3, file.object) as text:
        records = islice(read_records(text.read, file.dialect), file.dialect.header, None)
        fields = (record.fields for record in records if record.fields is not None)
        while some := list(islice(fields, _AT_ONCE)):
            yield from _batch(some, file)


def _batch(records: list[tuple[str, ...]], file: TextFile) -> Iterator[pa.RecordBatch]:
    rows = [fields for fields in records if len(fields) == file.width]
    if rows:
        columns = [
            pa.array([text or None for text in column], pa.string()) for column in zip(*rows, strict=True)
        ]
        yield pa.record_batch(columns, names=list(file.header))


def _names(file: TextFile) -> tuple[str, ...]:
    """Names for Arrow's columns: a header may repeat a name."""
    return tuple(f"c{place}" for place in range(file.width))
