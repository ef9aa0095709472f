"""Names of data files: extensions, stems and order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
"""The compression of each extension that may follow that of a text."""

CSV, PARQUET, ARCHIVE = ".csv", ".parquet", ".zip"
JSON_LINES = (".jsonl", ".ndjson")

READ_ENDINGS = (
    *(text + ending for text in (CSV, *JSON_LINES) for ending in ("", *COMPRESSIONS)),
    PARQUET,
)
"""The extensions of files that are read."""


def data_stem(name: str) -> str | None:
    """A file's name without ``.csv``, ``.jsonl``, ``.ndjson`` (and a compression's ending) or ``.parquet``; else None."""
    plain = without_compression(name)
    for ending in (CSV, *JSON_LINES):
        if plain.endswith(ending):
            return plain.removesuffix(ending) or None
    return (name.removesuffix(PARQUET) or None) if is_parquet(name) else None


def stem_of(file: str) -> str:
    """The stem of a source's file, which has an extension that is read."""
    return data_stem(file) or file


def is_parquet(name: str) -> bool:
    """Whether a file is Parquet, by its name."""
    return name.endswith(PARQUET)


def is_csv(name: str) -> bool:
    """Whether a file is CSV, by its name."""
    return without_compression(name).endswith(CSV)


@lru_cache(256)
def is_json_lines(name: str) -> bool:
    """Whether a file is JSON Lines, by its name."""
    return without_compression(name).endswith(JSON_LINES)


def without_compression(name: str) -> str:
    """The name without the extension of the file's compression."""
    return name.removesuffix(compression_ending(name))


def is_archive(name: str) -> bool:
    """Whether a file is a zip archive, by its name."""
    return name.lower().endswith(ARCHIVE)


def compression_ending(name: str) -> str:
    """The extension of the file's compression; empty if it is not compressed."""
    return next((ending for ending in COMPRESSIONS if name.endswith(ending)), "")


def stands_for_folder(key: str, size: int) -> bool:
    """Whether the object represents an empty folder, as consoles and tools create it."""
    return key.endswith("/") and size == 0


def in_order(keys: Iterable[str]) -> list[str]:
    """Keys in the order of their UTF-8 bytes, as S3 lists them: the order of a table's files."""
    return sorted(keys, key=str.encode)
