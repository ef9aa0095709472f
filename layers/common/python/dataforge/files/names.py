"""Names of data files: their endings, their stems and their order."""

from __future__ import annotations

from collections.abc import Iterable

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Endings of compressed files, after ``.csv``, and what they stand for; apart from them, their names count like others."""

PARQUET = ".parquet"

READ_ENDINGS = (".csv", *(f".csv{ending}" for ending in COMPRESSIONS), PARQUET)
"""The endings of files that are read."""


def data_stem(name: str) -> str | None:
    """A file's name without ``.csv`` (and a compression's ending) or ``.parquet``; None if it is neither."""
    plain = name.removesuffix(compression_ending(name))
    if plain.endswith(".csv"):
        return plain.removesuffix(".csv") or None
    return (name.removesuffix(PARQUET) or None) if is_parquet(name) else None


def stem_of(file: str) -> str:
    """The stem of a source's file, whose name has one of the endings that are read."""
    return data_stem(file) or file


def is_parquet(name: str) -> bool:
    """Whether a file is Parquet, by its name."""
    return name.endswith(PARQUET)


def compression_ending(name: str) -> str:
    """The ending that tells how a file is compressed; empty if it is not."""
    return next((ending for ending in COMPRESSIONS if name.endswith(ending)), "")


def stands_for_folder(key: str, size: int) -> bool:
    """Whether an object of this key and size is what consoles and tools create for an empty folder, and no file."""
    return key.endswith("/") and size == 0


def in_order(keys: Iterable[str]) -> list[str]:
    """Keys in the order of their UTF-8 bytes, as S3 lists them: the order of a table's files."""
    return sorted(keys, key=str.encode)
