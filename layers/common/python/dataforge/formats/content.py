"""Detect the format of a file by its first bytes, independent of its name."""

from __future__ import annotations

from dataclasses import dataclass

_COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    **{
        b"BZh%d" % level + block: "bz2"
        for level in range(1, 10)
        for block in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
    },
}
_UNREAD: dict[bytes, str] = {
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"PK\x05\x06": "an empty zip archive",
    b"PAR1\x15": "Parquet",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "compress (.Z)",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"Obj\x01": "Avro",
    b"SQLite format 3\x00": "an SQLite database",
    b"%PDF-": "PDF",
}
_SKIPPABLE_FRAMES = tuple(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16))
"""Magic numbers of the metadata frame that parallel compressors write at the start of a zstd file."""


@dataclass(frozen=True)
class Content:
    """``compression``: gzip, zstd, bz2, xz or empty. ``unread``: the name of the format if it is not supported."""

    compression: str = ""
    unread: str = ""


def content_of(head: bytes) -> Content:
    """The content of a file that begins with these bytes; text, unless they identify another format."""
    for magic, compression in _COMPRESSIONS.items():
        if head.startswith(magic):
            return Content(compression)
    if head.startswith(_SKIPPABLE_FRAMES):
        return Content("zstd")
    return Content(unread=next((name for magic, name in _UNREAD.items() if head.startswith(magic)), ""))
