"""Refuse files that must be read in one piece and are too large for one function run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.defaults import BY_COLUMNS_MEGABYTES, BY_RECORDS_MEGABYTES
from dataforge.errors import PieceTooLarge
from dataforge.s3.objects import Object, read_range

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MEBIBYTE = 2**20
_PARTS = "Divide the file into parts with numbered names."
_ZSTD_HEADER = 18
"""The largest frame header of zstd, in bytes."""


def refuse_large_piece(s3: S3Client, file: Object, compression: str, *, by_columns: bool) -> None:
    """Raise ``PieceTooLarge`` if the file's text, as far as its size is known, exceeds the limit.

    ``by_columns``: whether the text is read by columns, and in parallel if it is not compressed.
    """
    limit = (BY_COLUMNS_MEGABYTES if by_columns else BY_RECORDS_MEGABYTES) * _MEBIBYTE
    size = max(file.read_size, _stated_size(s3, file, compression))
    if size <= limit:
        return
    if by_columns:
        hint = f"{_PARTS} Or store it uncompressed: then it is read in parallel."
        raise PieceTooLarge(file.key, size, limit, f"it is compressed with {compression}", hint)
    reason = "its format is read record by record"
    hint = f"{_PARTS} Or convert it to CSV with one-byte marks, which is read in parallel."
    raise PieceTooLarge(file.key, size, limit, reason, hint)


def _stated_size(s3: S3Client, file: Object, compression: str) -> int:
    """The least size of the text that a gzip or zstd file states, or 0. A zip archive's is ``read_size``."""
    if compression == "gzip":
        # The size modulo 2**32 of the last of the file's members.
        return int.from_bytes(read_range(s3, file, max(file.size - 4, 0), file.size), "little")
    if compression == "zstd":
        return zstd_size(read_range(s3, file, 0, min(_ZSTD_HEADER, file.size)))
    return 0


def zstd_size(head: bytes) -> int:
    """The text size that the first frame of a zstd file states, or 0 (RFC 8878, 3.1.1.1)."""
    if len(head) < 5 or not head.startswith(b"\x28\xb5\x2f\xfd"):
        return 0
    descriptor = head[4]
    single = descriptor >> 5 & 1
    width = (single, 2, 4, 8)[descriptor >> 6]
    start = 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3]
    size = int.from_bytes(head[start : start + width], "little")
    return size + 256 if width == 2 else size
