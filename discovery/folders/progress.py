"""Progress of work on many files, as lines of text: ``Reading: 3 of 11 files, 1.2 of 40.5 MB (orders.csv)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


class FileProgress:
    """Report each file before or after work on it. ``doing``: the work, such as "Reading"."""

    def __init__(self, say: Callable[[str], None], doing: str, sizes: Iterable[int]) -> None:
        self._say, self._doing = say, doing
        known = list(sizes)
        self._files, self._bytes = len(known), sum(known)
        self._number = self._size = 0

    def add(self, name: str, size: int, *, is_last: bool = True) -> None:
        """Report a part of a file of this size in bytes. ``is_last``: the file has no further parts."""
        self._number += is_last
        self._size += size
        self._say(
            f"{self._doing}: {self._number:,} of {self._files:,} files, {_sizes(self._size, self._bytes)} ({name})"
        )


def _sizes(done: int, total: int) -> str:
    unit, name = next((found for found in _UNITS if total >= found[0]), (1, "bytes"))
    return f"{done / unit:,.1f} of {total / unit:,.1f} {name}"
