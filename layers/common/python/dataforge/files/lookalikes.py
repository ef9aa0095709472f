"""Recognise file names that resemble a table's file: another spelling, another ending, a copy.

Such a file is reported, never skipped: it may contain rows that the user expects to be loaded.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

from dataforge.files.names import READ_ENDINGS, stem_of

_MARKER = re.compile(
    r"_SUCCESS|_(?:committed|started)_[0-9A-Za-z]*|_(?:common_)?metadata|.*_\$folder\$"  # Hadoop, Spark, Parquet, EMR
    r"|\..*\.crc|\.DS_Store|\._.*|\.gitkeep|\.keep|(?i:thumbs\.db|desktop\.ini)"  # Hadoop, macOS, git, Windows
    r"|.*:Zone\.Identifier|~\$.*|\.~lock\..*#"  # Windows as WSL copies it; open in Excel, in LibreOffice
    r"|.*\.(?:md5|sha(?:1|256|512))",  # checksums
    re.DOTALL,
)
_UNREAD = ("7z", "rar", "lz4", "lzo", "snappy", "br", "z", "lzma", "tar", "tgz")
"""Extensions of compressions and archives that are not read."""

_COPY = re.compile(r"(?:copy|kopie|copie|copia|cópia)(?: ?\(\d+\))?(?: of| von| de)?[\W_]+")
_TAIL = re.compile(
    r"s?(?:[\W_]*+(?:\d++|copy|kopie|copie|copia|cópia|part|chunk|file|of|v|q|t))*[\W_]*?(?:\.(?P<ending>.*))?",
    re.DOTALL,
)
"""The text that may follow a stem. Backtracking returns a word that belongs to the extension, such as the ``t`` of ``.txt``.

Possessive quantifiers make the match linear: object keys are untrusted input.
"""
_DATA_ENDING = re.compile(r"(?:csv|tsv|txt|parquet|pq|json|jsonl|ndjson|xlsx?)(?:\..*)?", re.DOTALL)


def is_marker(name: str) -> bool:
    """Whether tools create a file of this name beside data; such a file contains no data."""
    return _MARKER.fullmatch(name) is not None


@dataclass(frozen=True)
class Lookalike:
    """Names that resemble ``stem``: case, separators, a number before or after it and the extension may differ.

    Additional words make another name: ``pokemon_forms.csv`` does not resemble ``pokemon``. With ``data_only`` the extension
    must be one of data files.
    """

    stem: str
    data_only: bool = False

    @cached_property
    def _start(self) -> re.Pattern[str]:
        letters = [c for c in _folded(self.stem) if c.isalnum()]
        return re.compile(r"[\W_\d]*" + r"[\W_]*".join(map(re.escape, letters)))

    def fits(self, name: str, *, folder: bool = False) -> bool:
        """Whether the name of a file or folder resembles the stem."""
        folded = _without_copy(name)
        start = self._start.match(folded)
        tail = _TAIL.fullmatch(folded, start.end()) if start else None
        if tail is None:
            return False
        return folder or not self.data_only or _DATA_ENDING.fullmatch(tail["ending"] or "") is not None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


@lru_cache(maxsize=1)
def _without_copy(name: str) -> str:
    """The folded name without a leading "copy of". Cached, because one name is compared with every stem in turn."""
    folded = _folded(name)
    copy = _COPY.match(folded)
    return folded[copy.end() :] if copy else folded


def misnamed(name: str, file: str) -> str:
    """Why a name that resembles ``file`` is not read, and how to rename the file."""
    stem = stem_of(file)
    respelled = f"it is spelled differently; further files are named {stem}_2.csv or are in {stem}/"
    return f"it looks like {file}, but {ending_fault(name) or respelled}"


def ending_fault(name: str) -> str:
    """Why a file with this extension is not read, and what to do; empty if it is read."""
    if name.endswith(READ_ENDINGS):
        return ""
    last = name.lower().rpartition(".")[2]
    if "." in name and last in _UNREAD:
        return f"its compression is not read (.{last}); unpack it, or compress it as .gz, .zst, .bz2 or .xz"
    endings = ", ".join(READ_ENDINGS)
    if name.lower().endswith(READ_ENDINGS):
        return f"its ending is not in lower case; endings that are read: {endings}"
    return f"it has none of the endings that are read: {endings}"
