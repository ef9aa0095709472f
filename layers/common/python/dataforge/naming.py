"""Which file is which source's, by its name alone.

A source's stem is its file's name without ``.csv``. A CSV or Parquet file directly below the prefix belongs to a source if
its own name without the ending is the stem, or the stem followed by ``.``, ``_`` or ``-`` and anything else
(``orders_2.csv``, ``orders.part2.parquet``). Of several stems that fit the longest counts. One in a folder directly below
the prefix that is named like a stem belongs to that source (``orders/2018-01.csv``). Other files are no source's: a folder
of an older delivery below the prefix does not slip into the run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The catalogue itself asks this module whether a declared file can be read.
    from dataforge.catalogue import Dataset, Source

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Endings of compressed files, after ``.csv``, and what they stand for; apart from them, their names count like others."""

PARQUET = ".parquet"

_PARTS = (".", "_", "-")


def source_of(dataset: Dataset, path: str) -> Source | None:
    """The source that a file belongs to; ``path`` is relative to the prefix, with ``/`` between folders."""
    *folders, name = path.split("/")
    stem = data_stem(name)
    if stem is None:
        return None
    by_stem = {str(data_stem(source.file)): source for source in dataset.sources}
    match folders:
        case []:
            fitting = [
                known
                for known in by_stem
                if stem == known or stem.startswith(tuple(known + p for p in _PARTS))
            ]
            return by_stem[max(fitting, key=len)] if fitting else None
        case [folder]:
            return by_stem.get(folder)
    return None


def data_stem(name: str) -> str | None:
    """A file's name without ``.csv`` (and a compression's ending) or ``.parquet``; None if it is neither."""
    plain = name.removesuffix(compression_ending(name))
    if plain.endswith(".csv"):
        return plain.removesuffix(".csv")
    return name.removesuffix(PARQUET) if is_parquet(name) else None


def is_parquet(name: str) -> bool:
    """Whether a file is Parquet, by its name."""
    return name.endswith(PARQUET)


def compression_ending(name: str) -> str:
    """The ending that tells how a file is compressed; empty if it is not."""
    return next((ending for ending in COMPRESSIONS if name.endswith(ending)), "")


def in_order(keys: Iterable[str]) -> list[str]:
    """Keys in the order of their UTF-8 bytes, as S3 lists them: the order of a table's files."""
    return sorted(keys, key=str.encode)
