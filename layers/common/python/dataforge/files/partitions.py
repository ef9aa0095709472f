"""Parse folders named ``key=value``, as Hive and Spark write them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from dataforge.tables.catalogue import Source

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def partition_of(folder: str) -> tuple[str, str | None] | None:
    """Key and value of a folder named ``key=value``; None for another folder."""
    key, equals, value = folder.partition("=")
    if not key or not equals:
        return None
    return _unescaped(key), _unescaped(value) if value not in ("", _NO_VALUE) else None


def _unescaped(text: str) -> str:
    """Hive writes ASCII characters that a folder name cannot contain as %XX; other percent signs are literal."""
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
    return text if "\0" in plain else plain


def partition_fault(source: Source, pairs: Iterable[tuple[str, str | None]]) -> str:
    """Why files in these ``key=value`` folders are not read; empty if they are.

    Each key must be a column of the source, which the folder then fills, or one of its ``ignored_partitions``.
    """
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        return f"its folders give {', '.join(sorted({k for k in keys if keys.count(k) > 1}))} twice"
    unknown = [key for key in keys if key not in (*source.columns, *source.ignored_partitions)]
    if not unknown:
        return ""
    key = unknown[0]
    return (
        f"the folder {key}=… gives a value for {key}, which {', '.join(source.tables)} does not declare; declare the column"
        f" {key} in its class, or ignore_partitions=({key!r},) there to leave the value out"
    )
