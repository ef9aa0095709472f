"""File names that are declared as patterns: ``*`` stands for any text, ``?`` for one character, within a folder.

A name with ``/`` is a path below the prefix; its folders may have wildcards, too.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from dataforge.files.names import data_stem, without_compression

_DATA_ENDING = re.compile(r"\.(?:csv|tsv|txt|dat|data|parquet|pq|json|jsonl|ndjson|xlsx?)", re.IGNORECASE)


def is_pattern(file: str) -> bool:
    """Whether a declared file name is a pattern or a path."""
    return not {"*", "?", "/"}.isdisjoint(file)


def matches(pattern: str, name: str) -> bool:
    """Whether a file's name or path, with or without the extension of its compression, matches."""
    return _fits(name, pattern) or _fits(without_compression(name), pattern)


def _fits(name: str, pattern: str) -> bool:
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def resembles(pattern: str, name: str) -> bool:
    """Whether a name differs from the pattern's names in case, or in the ending of data files only."""
    folded, plain = pattern.casefold(), without_compression(name.casefold())
    if matches(folded, plain):
        return True
    (stem, ending), (wanted, _) = _split(plain), _split(folded)
    named = any(map(str.isalnum, wanted))
    return named and _DATA_ENDING.fullmatch(ending) is not None and fnmatchcase(stem, wanted)


def overlap(one: str, other: str) -> bool:
    """Whether one of two declared names, as a text, matches the other. Further overlaps are found in the listing."""
    return any(
        is_pattern(a) and (_fits(b, a) or _fits(data_stem(b) or b, data_stem(a) or a))
        for a, b in ((one, other), (other, one))
    )


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if dot else (name, "")
