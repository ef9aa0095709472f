"""Read a Frictionless Data Package, of version 1 or 2, into a description. Nothing outside its folder is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from dataforge.formats.dialect import Csv
from discovery.described.description import DescribedColumn, DescribedReference, DescribedTable, Description
from discovery.described.field_types import checks_of, field_type

UNENFORCED = "unenforcedForeignKeys"
"""The property of a schema for references that some rows break: a validator of foreign keys would reject those rows."""
_MARKS = {"delimiter": "delimiter", "quoteChar": "quote", "escapeChar": "escape", "commentChar": "comment"}


class _Wrong(Exception):
    """A part of the package cannot be used. Its text is the reason."""


def read_package(source: str, text: str, load: Callable[[str], str | None]) -> Description:
    """The tables of a package. ``load`` returns the text of a file beside it, or None if it does not exist."""
    try:
        package = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error.args[0] if isinstance(error, ValueError) else "it is too deeply nested"
        return Description(notes=(f"{source} is not used: it is not valid JSON: {reason}",))
    resources = package.get("resources") if isinstance(package, dict) else None
    if not isinstance(resources, list):
        return Description(notes=(f"{source} is not used: it has no list of resources",))
    tables, notes = [], []
    for number, resource in enumerate(resources, 1):
        name = str(resource.get("name") or number) if isinstance(resource, dict) else str(number)
        try:
            tables.append(_table(source, name, resource, load))
        except _Wrong as wrong:
            notes.append(f"{source}: the resource {name} is not used: {wrong}")
    return Description(tuple(tables), (source,) if tables else (), tuple(notes))


def _table(source: str, name: str, resource: Any, load: Callable[[str], str | None]) -> DescribedTable:
    if not isinstance(resource, dict):
        raise _Wrong("it is not an object")
    paths = tuple(_paths(resource, PurePosixPath(source).parent))
    schema = _loaded(resource.get("schema"), load)
    fields = [
        f for f in _list(schema.get("fields")) if isinstance(f, dict) and isinstance(f.get("name"), str)
    ]
    if not fields:
        raise _Wrong("it has no schema with fields")
    null = _null(schema.get("missingValues", [""]))
    key = _texts(schema.get("primaryKey"))
    columns = tuple(_column(field, null, key) for field in fields)
    return DescribedTable(
        name,
        source,
        columns,
        key,
        tuple(unique for unique in _unique(schema, fields) if unique != key),
        tuple(_references(name, schema)),
        tuple(check for field in fields for check in checks_of(field["name"], field)),
        paths,
        _dialect(resource, load),
    )


def _paths(resource: Mapping[str, Any], folder: PurePosixPath) -> Iterator[str]:
    """The paths of the resource's files. Raises ``_Wrong`` for one that is remote or leaves the folder."""
    for path in _texts(resource.get("path")):
        if "://" in path:
            raise _Wrong(f"its path {path} is remote; download the file into the folder")
        parts = PurePosixPath(path).parts
        if path.startswith("/") or "\\" in path or ".." in parts:
            raise _Wrong(f"its path {path} leaves the folder")
        yield (folder / path).as_posix()
    if not resource.get("path"):
        raise _Wrong("it has no path")


def _loaded(part: Any, load: Callable[[str], str | None]) -> Mapping[str, Any]:
    """A part of the package that may be in a separate file."""
    if isinstance(part, str):
        parts = PurePosixPath(part).parts
        inside = "://" not in part and not part.startswith("/") and "\\" not in part and ".." not in parts
        text = load(part) if inside else None
        if text is None:
            raise _Wrong(f"{part} is not a file in the folder")
        try:
            part = json.loads(text)
        except (ValueError, RecursionError):
            raise _Wrong(f"{part} is not valid JSON") from None
    return part if isinstance(part, dict) else {}


def _column(field: Mapping[str, Any], null: tuple[str, ...], key: tuple[str, ...]) -> DescribedColumn:
    found = field_type(field)
    constraints = field.get("constraints")
    required = field["name"] in key or (isinstance(constraints, dict) and constraints.get("required") is True)
    own = field.get("missingValues")
    return DescribedColumn(
        field["name"], found.declared, not required, found.kinds, null if own is None else _null(own)
    )


def _null(listed: Any) -> tuple[str, ...]:
    """The texts of missing values; in version 2 they may have labels."""
    texts = (item.get("value") if isinstance(item, dict) else item for item in _list(listed))
    return tuple(text for text in texts if isinstance(text, str))


def _unique(schema: Mapping[str, Any], fields: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for field in fields:
        constraints = field.get("constraints")
        if isinstance(constraints, dict) and constraints.get("unique") is True:
            yield (field["name"],)
    for unique in _list(schema.get("uniqueKeys")):
        yield _texts(unique)


def _references(name: str, schema: Mapping[str, Any]) -> Iterator[DescribedReference]:
    """The foreign keys. An empty resource is the table itself, in version 2 also none."""
    for key in (*_list(schema.get("foreignKeys")), *_list(schema.get(UNENFORCED))):
        reference = key.get("reference") if isinstance(key, dict) else None
        columns = _texts(key.get("fields")) if isinstance(key, dict) else ()
        if isinstance(reference, dict) and columns:
            parent = str(reference.get("resource") or name)
            yield DescribedReference(columns, parent, _texts(reference.get("fields")))


def _dialect(resource: Mapping[str, Any], load: Callable[[str], str | None]) -> dict[str, Any]:
    """The described arguments of ``Csv``. Others are detected, also where the standard has a default."""
    described = _loaded(resource.get("dialect"), load)
    found: dict[str, Any] = {
        ours: described[theirs] for theirs, ours in _MARKS.items() if isinstance(described.get(theirs), str)
    }
    if isinstance(header := described.get("header"), bool):
        found |= {} if header else {"header": 0}
    if resource.get("encoding"):
        found["encoding"] = resource["encoding"]
    usable: dict[str, Any] = {}
    for name, value in found.items():
        try:
            Csv(**{**usable, name: value})
        except (ValueError, TypeError, LookupError):
            continue
        usable[name] = value
    return usable


def _texts(value: Any) -> tuple[str, ...]:
    """One text or several."""
    return (value,) if isinstance(value, str) else tuple(v for v in _list(value) if isinstance(v, str))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
