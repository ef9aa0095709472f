"""A dataset as ``init`` drafts it: tables with their files, formats, columns, keys and references."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count

from dataforge.tables.names import IDENTIFIER_BYTES
from discovery.declared import Declared
from discovery.file_formats import FileFormat
from discovery.references import Reference
from discovery.words import words

_RESERVED = frozenset({"copy", "json", "schema", "dict", "construct", "model_fields", "model_config"})
"""Names that a row model cannot have as fields."""


@dataclass(frozen=True)
class ColumnDraft:
    """A column: its header in files, its name, its type, and whether it may be NULL.

    ``notes``: evidence for what is uncertain, each for one comment.
    """

    header: str
    name: str
    declared: Declared
    nullable: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableDraft:
    """A table. ``key``: the names of the key's columns; empty without a key. ``unique``: further sets of names.

    ``notes``: evidence for what is uncertain, each for one comment.
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


@dataclass(frozen=True)
class DatasetDraft:
    """A dataset; its tables with the parents first."""

    name: str
    folder: str
    tables: tuple[TableDraft, ...]
    notes: tuple[str, ...] = field(default=())


def column_name(header: str, taken: Collection[str]) -> str:
    """A name for the column of a header: words in lower case with underscores, unique among ``taken``."""
    name = "_".join(words(header)) or "column"
    name = re.sub(r"\W", "_", name)
    if not (name[0].isalpha()):
        name = f"c_{name.lstrip('_')}"
    if keyword.iskeyword(name) or name in _RESERVED:
        name += "_"
    return _unique(_short(name), taken)


def table_name(stem: str, taken: Collection[str]) -> str:
    """A name for the table of a file's stem."""
    return column_name(stem, taken)


def _short(name: str, size: int = IDENTIFIER_BYTES) -> str:
    """The name cut to a number of bytes."""
    return name.encode()[:size].decode(errors="ignore")


def _unique(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    for number in count(2):
        ending = f"_{number}"
        numbered = _short(name, IDENTIFIER_BYTES - len(ending)) + ending
        if numbered not in taken:
            return numbered
    raise AssertionError("unreachable: numbers are endless")
