"""A dataset as ``init`` drafts it: tables with their files, formats, columns, keys and references."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count

from dataforge import Check, Csv, Format, Row
from dataforge.tables.names import IDENTIFIER_BYTES
from discovery.formats.file_formats import FileFormat
from discovery.structure.references import Reference
from discovery.structure.words import words
from discovery.types.declared import Declared

_RESERVED = frozenset([*dir(Row), "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"])
"""Attributes of row models, and system columns of PostgreSQL."""
_PROTECTED = ("model_dump", "model_validate")
"""Names that begin so are reserved by pydantic."""


@dataclass(frozen=True)
class ColumnDraft:
    """A column: its header in files, its name, its type, and whether it may be NULL.

    ``notes``: evidence for what is uncertain, each for one comment. ``years``: the first and the last year of its dates.
    ``optional``: whether some files lack it. ``in_files``: its header if ``header`` distinguishes it from an equal one.
    """

    header: str
    name: str
    declared: Declared
    nullable: bool
    notes: tuple[str, ...] = ()
    years: tuple[str, str] | None = None
    optional: bool = False
    in_files: str = ""


@dataclass(frozen=True)
class TableDraft:
    """A table. ``key``: the names of the key's columns; empty without a key. ``unique``: further sets of names.

    ``notes``: evidence for what is uncertain, each for one comment. ``ignored``: headers that no column takes.
    ``ignored_partitions``: keys of folders that none takes.
    """

    name: str
    file: str
    format: FileFormat
    columns: tuple[ColumnDraft, ...]
    key: tuple[str, ...]
    rows: int
    references: tuple[Reference, ...] = ()
    paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    checks: tuple[Check, ...] = ()
    ignored: tuple[str, ...] = ()
    ignored_partitions: tuple[str, ...] = ()

    @property
    def has_numbered_columns(self) -> bool:
        """Whether columns have numbers for names, because the files have no header."""
        has_header = not isinstance(self.format, Csv) or self.format.header > 0
        return not has_header and any(is_numbered(column.name) for column in self.columns)


@dataclass(frozen=True)
class DatasetDraft:
    """A dataset; its tables with the parents first. ``value_format``: what most columns share.

    ``ignored_files``: files that resemble those of a table and are not read.
    """

    name: str
    folder: str
    tables: tuple[TableDraft, ...]
    notes: tuple[str, ...] = ()
    value_format: Format = field(default_factory=Format)
    ignored_files: tuple[str, ...] = ()


def is_numbered(name: str) -> bool:
    """Whether the name of a column is its number."""
    return re.fullmatch("column_[0-9]+", name) is not None


def column_name(header: str, taken: Collection[str]) -> str:
    """A name for the column of a header: words in lower case with underscores, unlike ``taken`` in any case.

    It is an identifier of Python in the form in which Python reads it (NFKC), and a valid name in PostgreSQL.
    """
    spelled = "_".join(words(unicodedata.normalize("NFKC", header)))
    name = "".join(c if _is_allowed(c) else "_" for c in unicodedata.normalize("NFKC", spelled))
    if not name.strip("_"):
        name = "column"
    if not name[0].isidentifier() or name[0] == "_" or name.startswith(_PROTECTED):
        name = f"c_{name.lstrip('_')}"
    if keyword.iskeyword(name) or name in _RESERVED:
        name += "_"
    return _unique(_short(name), {other.casefold() for other in taken})


def _is_allowed(character: str) -> bool:
    return character.isalnum() and f"a{character}".isidentifier()


def table_name(stem: str, taken: Collection[str]) -> str:
    """A name for the table of a file's stem."""
    return column_name(stem, taken)


def _short(name: str, size: int = IDENTIFIER_BYTES) -> str:
    """The name cut to a number of bytes."""
    return name.encode()[:size].decode(errors="ignore")


def _unique(name: str, taken: Collection[str]) -> str:
    """The name, numbered if it is taken. ``taken`` are folded: Athena and some file systems ignore case."""
    if name.casefold() not in taken:
        return name
    for number in count(2):
        ending = f"_{number}"
        numbered = _short(name, IDENTIFIER_BYTES - len(ending)) + ending
        if numbered.casefold() not in taken:
            return numbered
    raise AssertionError("unreachable: numbers are endless")
