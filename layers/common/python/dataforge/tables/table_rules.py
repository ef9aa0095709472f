"""Refuse tables whose keys, references, names or files cannot work.

Every function raises ``ValueError`` with the mistake and a hint; ``dataforge.tables.modules`` adds dataset and table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataforge.files.names import compression_ending, data_stem, is_csv
from dataforge.files.patterns import is_pattern, overlap
from dataforge.tables.catalogue import Column, Source, Table
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.fields import refuse_unindexable
from dataforge.tables.names import refuse_alike

_INDEX_COLUMNS = 32
"""The most columns of a PostgreSQL index."""
_NOT_IN_FILES = "[]\0\n\r"
"""Characters of folders and of wildcards that are not supported."""
_WHOLE = {"smallint", "integer", "bigint"}
_ALIKE = ({"text"}, {"numeric"}, *({a, b} for a in _WHOLE for b in _WHOLE))
"""Types of which PostgreSQL compares the values, regardless of their length or precision."""


def refuse_key(table: Table) -> None:
    """Refuse a nullable key, and keys, unique constraints and references that exceed the limits of an index."""
    constraints = {c.name: c.columns for c in table.uniques} | {c.name: c.columns for c in table.foreign_keys}
    indexed = {*table.key, *(column for columns in constraints.values() for column in columns)}
    for column in table.columns:
        if column.name in table.key and column.nullable:
            raise ValueError(
                f"key column {table.name}.{column.name} is nullable; remove `| None`, "
                "or remove Key() from all columns to store every copy of a row"
            )
        if column.name in indexed:
            refuse_unindexable(f"{table.name}.{column.name}", column.rule)
    if len(table.key) > _INDEX_COLUMNS:
        raise ValueError(
            f"the key has {len(table.key)} columns, an index at most {_INDEX_COLUMNS}; mark fewer columns with Key()"
        )
    for name, columns in constraints.items():
        if len(columns) > _INDEX_COLUMNS:
            raise ValueError(
                f"{name} has {len(columns)} columns, an index at most {_INDEX_COLUMNS}; name fewer"
            )


def refuse_digests(columns: tuple[Column, ...]) -> None:
    """Refuse digests of columns that come later, are nullable or are not text."""
    earlier: dict[str, Column] = {}
    for column in columns:
        for part in column.rule.digest.columns if column.rule.digest else ():
            found = earlier.get(part)
            if found is None or found.nullable or found.type.name != "text":
                raise ValueError(
                    f"column {column.name} is the Digest of {part!r}; "
                    "a Digest needs text columns that come earlier and are not nullable"
                )
        if column.rule.digest and column.type.name != "text":
            raise ValueError(f"column {column.name} is a Digest and is not text; declare it as HexId")
        earlier[column.name] = column


def refuse_references(tables: Mapping[str, Table]) -> None:
    """Refuse foreign keys between columns of different types."""
    for table in tables.values():
        for key in table.references:
            for column, parent_column in zip(key.columns, key.parent_columns, strict=True):
                child, parent = table.by_name[column].type, tables[key.parent].by_name[parent_column].type
                if child.catalog != parent.catalog and {child.name, parent.name} not in _ALIKE:
                    raise ValueError(
                        f"{table.name}.{column} is {child.catalog} and references {key.parent}.{parent_column}, "
                        f"which is {parent.catalog}; declare both with the same type"
                    )


def refuse_names(tables: Iterable[Table]) -> None:
    """Refuse relations of one schema with the same name, and tables that differ in case only."""
    tables = list(tables)
    refuse_alike("tables", (table.name for table in tables))
    relations: dict[str, str] = {}
    for table in tables:
        made = [
            table.name,
            constraint_name(table.name, (), "pkey"),
            *(unique.name for unique in table.uniques),
            *table.indexes,
            *([] if table.key else [constraint_name(table.name, ("row",), "copies")]),
        ]
        for name in made:
            if relations.setdefault(name, table.name) != table.name:
                raise ValueError(
                    f"{relations[name]} and {table.name} would both create {name}; rename one of them"
                )


def refuse_flat_files(files: Any) -> None:
    """Refuse flat files whose declaration is incomplete."""
    if not isinstance(files, list | tuple) or not all(isinstance(file, Source) for file in files):
        raise ValueError("FLAT_FILES is not a tuple of Source(file, columns, tables, split)")
    for file in files:
        if file.split is None:
            raise ValueError(
                f"FLAT_FILES: {file.file} has no split function; "
                "pass the function that divides a record into records of tables"
            )
        if len(set(file.columns)) < len(file.columns):
            raise ValueError(f"FLAT_FILES: {file.file} declares a column twice; remove one")


def _other_name(source: Source) -> str | None:
    """The name of a file with another extension, or with none, which a table's own file in a declared format may have."""
    name = source.file.rpartition("/")[2]
    named = "." in name.strip(".") or source.any_name or is_pattern(name)
    return source.file if name and source.split is None and named and not compression_ending(name) else None


def _is_path(file: str) -> bool:
    """Whether the declared name is a path below the prefix: its folders have names, of which none is ``key=value``."""
    *folders, _ = file.split("/")
    return all(folder not in {"", ".", ".."} and "=" not in folder for folder in folders)


def refuse_headers(source: Source) -> None:
    """Refuse a header of two columns, or of a column and ``ignore``."""
    whose = ", ".join(source.tables)
    owners: dict[str, str] = {}
    ignored = [(f"ignore={source.ignore!r}", header) for header in source.ignore]
    for owner, header in (
        *((f"column {column}", header) for column, headers in source.names.names for header in headers),
        *ignored,
    ):
        if not isinstance(header, str):
            raise ValueError(  # noqa: TRY004  as all declaration errors
                f"{whose}: ignore has {header!r}; it lists headers, such as ignore=('Unnamed: 0',)"
            )
        folded = header.casefold() if source.dialect.ignore_case else header
        if folded in owners:
            raise ValueError(
                f"{whose}: {owners[folded]} and {owner} have the same header {header!r}; change one"
            )
        owners[folded] = owner


def _refuse_overlap(source: Source, sources: Iterable[Source]) -> None:
    """Refuse a pattern that takes every file, or files of another source."""
    whose = ", ".join(source.tables)
    if not any(map(str.isalnum, source.file)):
        raise ValueError(
            f"{whose}: {source.file!r} takes every file; write the part that all names share, as in 'Games-*.txt'"
        )
    for other in sources:
        if other is not source and other.file != source.file and overlap(source.file, other.file):
            raise ValueError(
                f"{whose} and {', '.join(other.tables)}: {source.file!r} also takes the files {other.file!r}; "
                "change one of the names"
            )


def refuse_sources(sources: Sequence[Source], tables: Mapping[str, Table]) -> None:
    """Refuse files that would never be read, or that would be read as two tables."""
    stems: dict[str, str] = {}
    for source in sources:
        whose = ", ".join(source.tables)
        stem = data_stem(source.file) or _other_name(source)
        if stem is None or not set(source.file).isdisjoint(_NOT_IN_FILES) or not _is_path(source.file):
            base = (
                source.file.rpartition("/")[2]
                .partition(".")[0]
                .translate(dict.fromkeys(map(ord, _NOT_IN_FILES)))
            )
            base = base or whose
            raise ValueError(
                f"{whose}: no file can have the name {source.file!r}. A file is name.csv, name.jsonl or name.parquet, "
                "or has another ending; without one, declare format= for the table. Folders are separated by / and are not "
                f"key=value; the wildcards are * and ?. Declare file='{base}.csv', and rename the file"
            )
        if source.json_lines and is_csv(source.file):
            raise ValueError(
                f"{whose}: {source.file!r} is declared as JSON Lines; name it {data_stem(source.file)}.jsonl, or declare "
                "format=Csv() for the table"
            )
        if is_pattern(source.file):
            _refuse_overlap(source, sources)
        if stem.casefold() in stems:
            raise ValueError(
                f"{stems[stem.casefold()]} and {whose} have the same file, {source.file!r}; rename one"
            )
        stems[stem.casefold()] = whose
        for table in source.tables:
            if table not in tables:
                raise ValueError(
                    f"FLAT_FILES: {source.file} fills the table {table!r}, "
                    "which the dataset does not declare; add the table or remove its name"
                )
