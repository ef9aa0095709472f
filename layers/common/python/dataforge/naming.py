"""Which file is which source's, by its name alone.

A source's stem is its file's name without ``.csv``. A CSV belongs to a source if its own name without ``.csv`` is the stem,
or the stem followed by ``.``, ``_`` or ``-`` and anything else (``orders_2.csv``, ``orders.part2.csv``). Of several stems
that fit the longest counts. A CSV whose own name fits none belongs to the innermost folder below the prefix that is named
exactly like a stem (``orders/2018-01.csv``). Other files are no source's.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.catalogue import Dataset, Source

_PARTS = (".", "_", "-")


def source_of(dataset: Dataset, path: str) -> Source | None:
    """The source that a file belongs to; ``path`` is relative to the prefix, with ``/`` between folders."""
    *folders, name = path.split("/")
    stem = csv_stem(name)
    if stem is None:
        return None
    by_stem = {str(csv_stem(source.file)): source for source in dataset.sources}
    fitting = [
        known for known in by_stem if stem == known or stem.startswith(tuple(known + p for p in _PARTS))
    ]
    if fitting:
        return by_stem[max(fitting, key=len)]
    return next((by_stem[folder] for folder in reversed(folders) if folder in by_stem), None)


def csv_stem(name: str) -> str | None:
    """A CSV's name without its ending; None if it is no CSV."""
    return name.removesuffix(".csv") if name.endswith(".csv") else None


def in_order(keys: Iterable[str]) -> list[str]:
    """Keys in the order of their UTF-8 bytes, as S3 lists them: the order of a table's files."""
    return sorted(keys, key=str.encode)
