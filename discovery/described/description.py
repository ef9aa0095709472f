"""Tables as a file beside the data describes them: a ``datapackage.json``, or SQL with CREATE TABLE statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dataforge import Check
from discovery.types.declared import Declared


@dataclass(frozen=True)
class DescribedColumn:
    """A column. ``declared``: None if the type is not described, or is unknown here. ``nullable``: None if not described.

    ``kinds``: of a description such as "number", the PostgreSQL types that it allows, from which the values choose;
    ``declared`` is the widest. ``null``: the texts that mean NULL in files; None if not described.
    """

    name: str
    declared: Declared | None = None
    nullable: bool | None = None
    kinds: frozenset[str] = frozenset()
    null: tuple[str, ...] | None = None


@dataclass(frozen=True)
class DescribedReference:
    """A foreign key. ``parent_columns``: none for the key of ``parent``, which is named as in the description."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class DescribedTable:
    """A table. ``source``: the file that describes it. ``paths``: its files; none if only the name connects them.

    ``dialect``: the arguments of ``Csv`` that are described. ``checks`` name columns as the description does.
    """

    name: str
    source: str
    columns: tuple[DescribedColumn, ...]
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    references: tuple[DescribedReference, ...] = ()
    checks: tuple[Check, ...] = ()
    paths: tuple[str, ...] = ()
    dialect: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """The described tables. ``sources``: the files that describe them. ``notes``: their parts that are not used."""

    tables: tuple[DescribedTable, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
