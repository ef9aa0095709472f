"""Hash one byte range of a file, and scan it for record boundaries if it is of a CSV or of JSON Lines."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dataforge.formats import csv_boundaries, json_boundaries
from dataforge.formats.csv_boundaries import Scanned, followed_by
from dataforge.formats.csv_objects import object_records
from dataforge.formats.text_stream import open_text
from dataforge.postgres.connection import transaction
from functions.migrate.run.known.digest import code_digest
from functions.migrate.run.ledger import Scan, spent_since
from functions.migrate.run.work_items import ScanItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection

_PIECE = 4 << 20


def scan_range(db: Connection, s3: S3Client, item: ScanItem) -> None:
    """Store the range's hash, and the passage of each reader state through it. Idempotent."""
    result = scanned(s3, item)
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET scan = %s WHERE migration_id = %s AND chunk = %s",
            (result.as_json(), item.migration_id, item.chunk),
        )


def scanned(s3: S3Client, item: ScanItem) -> Scan:
    """The range's hash, and the passage of each reader state through it. It is read in pieces to bound the memory."""
    started, digest = time.perf_counter(), hashlib.sha256()
    if not item.boundaries:
        for records in object_records(s3, item.object, item.start, item.end, 0, whole_size=len):
            digest.update(records.data)
        return Scan(sha256=digest.hexdigest(), code=code_digest(), **spent_since(started))
    with open_text(s3, item.object, item.start, item.end) as text:
        pieces = iter(lambda: text.read(_PIECE), b"")
        passages, lines = scan_pieces(_hashed(pieces, digest), _scan_of(item))
    return Scan(
        passages=passages, lines=lines, sha256=digest.hexdigest(), code=code_digest(), **spent_since(started)
    )


def _hashed(pieces: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _scan_of(item: ScanItem) -> Callable[[bytes], Scanned]:
    if item.json_lines:
        return json_boundaries.scan
    return lambda data: csv_boundaries.scan(item.dialect.with_standard_marks(data))


def scan_pieces(pieces: Iterator[bytes], scan: Callable[[bytes], Scanned]) -> Scanned:
    """The scan of the pieces together; the first one exists."""
    piece = next(pieces)
    found, size = scan(piece), len(piece)
    for piece in pieces:
        found = followed_by(found, size, scan(piece))
        size += len(piece)
    return found
