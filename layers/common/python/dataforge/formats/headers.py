"""Match the headers of a file with the columns of its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

IGNORED = "#"
"""Begins the name of a column of a file that no column of a table takes. No identifier begins with it."""

_AGAIN = "\x1f"
"""Separates the number of an ignored column whose header occurs again."""

_SLACK = 8
"""Bytes that a field of a repeated header may have in addition to its name: quotes, blanks, a comma."""

_MARK_AND_END = 5
"""The bytes of a byte order mark and a line end."""


@dataclass(frozen=True)
class Headers:
    """The headers by which a file names columns.

    ``names``: each column with its headers, any of which a file may have. ``ignored``: headers that no column takes.
    """

    names: tuple[tuple[str, tuple[str, ...]], ...]
    ignored: tuple[str, ...] = ()
    ignore_case: bool = False

    def _folded(self, header: str) -> str:
        return header.casefold() if self.ignore_case else header

    @cached_property
    def _columns(self) -> dict[str, str]:
        ignored = {self._folded(header): IGNORED + header for header in self.ignored}
        return ignored | {self._folded(h): column for column, headers in self.names for h in headers}

    def column(self, header: str) -> str | None:
        """The header's column; an ignored header begins with ``IGNORED``; None for an unknown header."""
        return self._columns.get(self._folded(header))

    @cached_property
    def _objects(self) -> frozenset[str]:
        parts = (header.split(".") for header in self._columns)
        return frozenset(".".join(names[:depth]) for names in parts for depth in range(1, len(names)))

    def has_below(self, key: str) -> bool:
        """Whether headers name values inside the object of this key: ``a.b`` is the key b of the object a."""
        return self._folded(key) in self._objects

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every header of a column."""
        return tuple(header for _, headers in self.names for header in headers)

    def columns(self, headers: Sequence[str]) -> tuple[str, ...]:
        """The columns of a file's headers, in order. An unknown header stays as it is; ignored ones get distinct names."""
        found = [self.column(header) or header for header in headers]
        times = Counter[str]()
        for place, name in enumerate(found):
            times[name] += 1
            if name.startswith(IGNORED) and times[name] > 1:
                found[place] = f"{name}{_AGAIN}{times[name]}"
        return tuple(found)

    def repeats(self, fields: Iterable[str], header: tuple[str, ...]) -> bool:
        """Whether a record is the header of a file with these columns again, in any order."""
        headers = [field.strip() for field in fields]
        # Nearly all records are excluded by their first field.
        known = bool(headers) and (self.column(headers[0]) or headers[0]) in header
        return known and sorted(self.columns(headers)) == _sorted(header)

    def _texts(self, header: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """For each column of a file, the headers that it may have."""
        known = dict(self.names)
        for column in header:
            yield ignored_headers([column]) or known.get(column, (column,))

    def longest(self, header: tuple[str, ...]) -> int:
        """Maximum size in bytes of a record that repeats the header."""
        return _longest(self, header)

    def marks(self, header: tuple[str, ...]) -> tuple[bytes, ...]:
        """Texts that every repeated header contains, the longest first; in lower case if case is ignored."""
        return _marks(self, header)


def ignored_headers(columns: Iterable[str]) -> tuple[str, ...]:
    """The headers of the ignored ones among a file's columns."""
    return tuple(
        column.removeprefix(IGNORED).partition(_AGAIN)[0] for column in columns if column.startswith(IGNORED)
    )


@lru_cache(64)
def _sorted(header: tuple[str, ...]) -> list[str]:
    return sorted(header)


@lru_cache(64)
def _longest(headers: Headers, header: tuple[str, ...]) -> int:
    texts = headers._texts(header)  # noqa: SLF001
    # Another case of a character may have more bytes.
    times = 3 if headers.ignore_case else 1
    return sum(times * max(len(text.encode()) for text in some) + _SLACK for some in texts) + _MARK_AND_END


@lru_cache(64)
def _marks(headers: Headers, header: tuple[str, ...]) -> tuple[bytes, ...]:
    alone = [texts[0] for texts in headers._texts(header) if len(texts) == 1]  # noqa: SLF001
    if headers.ignore_case:
        alone = [text.lower() for text in alone if text.isascii()]
    return tuple(sorted((text.encode() for text in alone), key=len, reverse=True))


@lru_cache(64)
def plain_headers(columns: tuple[str, ...]) -> Headers:
    """The headers of a file that names its columns as they are."""
    return Headers(tuple((column, (column,)) for column in columns))
