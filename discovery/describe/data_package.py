"""A dataset as a Frictionless Data Package of version 1, with the profile for tables.

Some properties of later versions are added (``uniqueKeys``, ``missingValues`` of a field, ``headerRows``), which readers
of version 1 ignore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dataforge.formats.dialect import Csv
from dataforge.tables.catalogue import Dataset, ForeignKey, Source, Table
from discovery.describe.fields import field
from discovery.described.data_package import UNENFORCED

_NOT_IN_NAMES = re.compile(r"[^-a-z0-9._]+")


def data_package(dataset: Dataset) -> dict[str, Any]:
    """The package as JSON. A table whose rows come from a file of several tables has no path, and no data."""
    names = _resource_names(dataset.tables)
    sources = {s.tables[0]: s for s in dataset.sources if s.split is None and len(s.tables) == 1}
    found = {
        "profile": "tabular-data-package",
        "name": _slug(dataset.name),
        "title": dataset.name,
        "description": dataset.description,
        "resources": [_resource(t, sources.get(t.name), names, dataset) for t in dataset.tables.values()],
    }
    return {name: value for name, value in found.items() if value}


def _slug(name: str) -> str:
    """A name as the standard requires it: lower-case letters, digits, and some signs."""
    return _NOT_IN_NAMES.sub("-", name.lower()).strip("-") or "table"


def _resource_names(tables: Iterable[str]) -> dict[str, str]:
    """A different name for each table."""
    names: dict[str, str] = {}
    for table in tables:
        name, number = _slug(table), 2
        while name in names.values():
            name, number = f"{_slug(table)}-{number}", number + 1
        names[table] = name
    return names


def _resource(
    table: Table, source: Source | None, names: Mapping[str, str], dataset: Dataset
) -> dict[str, Any]:
    found = {
        "name": names[table.name],
        "title": table.name if names[table.name] != table.name else "",
        "description": table.description,
        **_file(source),
        "schema": _schema(table, names, dataset),
    }
    return {name: value for name, value in found.items() if value or name == "data"}


def _file(source: Source | None) -> dict[str, Any]:
    if source is None:
        return {"data": []}
    if source.is_json_lines(source.file):
        return {"path": source.file, "format": "jsonl", "encoding": "utf-8"}
    if source.file.endswith(".parquet"):
        return {"path": source.file, "format": "parquet"}
    return {
        "profile": "tabular-data-resource",
        "path": source.file,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": source.dialect.codec,
        "dialect": _dialect(source.dialect),
    }


def _dialect(dialect: Csv) -> dict[str, Any]:
    found: dict[str, Any] = {"delimiter": dialect.delimiters[0], "header": dialect.header > 0}
    if dialect.quote is not None:
        found |= {"quoteChar": dialect.quote, "doubleQuote": dialect.doubled}
    optional = {
        "escapeChar": dialect.escape,
        "commentChar": dialect.comment,
        "lineTerminator": dialect.record_end,
    }
    found |= {name: value for name, value in optional.items() if value is not None}
    if dialect.ignore_case:
        found["caseSensitiveHeader"] = False
    if dialect.header > 1 or (dialect.skip and dialect.header):
        found["headerRows"] = [dialect.skip + line for line in range(1, dialect.header + 1)]
    return found


def _schema(table: Table, names: Mapping[str, str], dataset: Dataset) -> dict[str, Any]:
    headers = _headers(table, dataset)
    found: dict[str, Any] = {
        "fields": [field(column, headers[column.name], table) for column in table.columns],
        "missingValues": list(_null(table, dataset)),
    }
    if fit := _fields_match(table, dataset):
        found["fieldsMatch"] = fit
    if table.key and not table.model.__distinct__:
        # The files of a distinct table may repeat its rows.
        found["primaryKey"] = [headers[name] for name in table.key]
    if several := [unique.columns for unique in table.uniques if len(unique.columns) > 1]:
        found["uniqueKeys"] = [[headers[name] for name in columns] for columns in several]
    for word, enforced in (("foreignKeys", True), (UNENFORCED, False)):
        keys = [key for key in table.references if key.enforced is enforced]
        if keys:
            found[word] = [_foreign_key(key, table, names, dataset) for key in keys]
    return found


def _fields_match(table: Table, dataset: Dataset) -> str:
    """Which fields the files have, in any order: all, or more, or fewer."""
    source = _source(table, dataset)
    if source is None or not source.dialect.header:
        return ""
    match bool(source.ignore), bool(source.optional):
        case False, False:
            return "equal"
        case True, False:
            return "subset"
        case False, True:
            return "superset"
    return "partial"


def _headers(table: Table, dataset: Dataset) -> dict[str, str]:
    """The name of each column in files; its own where the files have no header."""
    source = _source(table, dataset)
    headers = source.headers if source is not None else {}
    return {name: (headers.get(name) or (name,))[0] for name in table.column_names}


def _source(table: Table, dataset: Dataset) -> Source | None:
    return next((s for s in dataset.sources if s.split is None and s.tables == (table.name,)), None)


def _null(table: Table, dataset: Dataset) -> Iterator[str]:
    source = _source(table, dataset)
    yield from dict.fromkeys(("", *(source.dialect.null if source is not None else ())))


def _foreign_key(key: ForeignKey, table: Table, names: Mapping[str, str], dataset: Dataset) -> dict[str, Any]:
    own, parent = _headers(table, dataset), _headers(dataset.table(key.parent), dataset)
    return {
        "fields": [own[name] for name in key.columns],
        "reference": {
            "resource": "" if key.parent == table.name else names[key.parent],
            "fields": [parent[name] for name in key.parent_columns],
        },
    }
