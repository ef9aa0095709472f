"""Cut large CSV files into ranges of whole records, which several processes read, as a migration's chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.folders.chunks import scanned_chunks
from discovery.folders.reading import head_of
from discovery.formats.files import TextFile
from functions.migrate.plan.layout import ranges
from functions.migrate.run.work_items import ScanItem
from functions.migrate.scan.chunks import Chunk

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from discovery.folders.grouping import SourceFile

RANGE_BYTES = 64 << 20
"""The size of the ranges. Each has a separate sample, so that small ones cost more than they save."""


def record_ranges(s3: S3Client, file: SourceFile, range_bytes: int) -> list[Chunk | None]:
    """The ranges of a file; None alone stands for a file that can only be read in one piece, or is small."""
    if not isinstance(file, TextFile) or not file.dialect.is_parallel or file.object.compression:
        return [None]
    if file.object.size <= range_bytes:
        return [None]
    head = head_of(s3, file)
    if head.has_bare_returns:
        return [None]
    items = (_scan_item(file, start, end) for start, end in ranges(head.end, file.object.size, range_bytes))
    return list(scanned_chunks(s3, items, head.line, file.object.size))


def _scan_item(file: TextFile, start: int, end: int) -> ScanItem:
    stored, dialect = file.object, file.dialect
    return ScanItem(
        migration_id="",
        chunk=0,
        bucket=stored.bucket,
        key=stored.key,
        etag=stored.etag,
        size=stored.size,
        start=start,
        end=end,
        compression="",
        delimiter=dialect.delimiters[0],
        quote=dialect.quote,
        encoding=dialect.encoding,
    )
