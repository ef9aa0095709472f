"""Cut a file into chunks of whole records, as the steps scan and cut of a migration do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from functions.migrate.run.work_items import ScanItem
from functions.migrate.scan.chunks import Chunk, Scanned, chunks_of
from functions.migrate.scan.scan import scanned

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def scanned_chunks(s3: S3Client, ranges: Iterable[ScanItem], line: int | None, end: int) -> Iterator[Chunk]:
    """The chunks of a file whose ranges are scanned. ``line``: that of the first record; ``end``: of the last range."""
    parts = [
        Scanned(number, item.start, None if number else line, scanned(s3, item))
        for number, item in enumerate(ranges)
    ]
    return chunks_of(parts, end)
