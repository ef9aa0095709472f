"""Reading a dataset off its module: its row models, in their order. What cannot work is refused here, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from pydantic import PydanticUserError

from dataforge.catalogue import Column, Dataset, ForeignKey, Row, Source, Table
from dataforge.columns import Key, References
from dataforge.declarations import (
    IDENTIFIER_BYTES,
    refuse_dataset_name,
    refuse_model,
    refuse_name,
)
from dataforge.errors import InvalidDeclaration
from dataforge.fields import markers, most_bytes, read_rule, refuse_unindexable
from dataforge.naming import data_stem

Keys = Mapping[str, tuple[str, ...]]

_INDEX_COLUMNS, _INDEX_BYTES, _COLUMNS = 32, 2_690, 1_500
"""What PostgreSQL's B-trees and tables hold: columns and bytes of a key, and columns of a table."""
_WHOLE = {"integer", "bigint"}


def read_dataset(module: ModuleType) -> Dataset:
    """The dataset that a module declares: its ``Row`` subclasses, in their order, named like the module.

    Raises ``InvalidDeclaration`` for what cannot work: it is a mistake of the programmer's, found at import.
    """
    name = module.__name__.rpartition(".")[2]
    with _located(name):
        refuse_dataset_name(name)
        models = _models(module)
        keys = {m.__table_name__: _key(m) for m in models}
    tables = {m.__table_name__: _read_table(name, m, keys) for m in models}
    with _located(name):
        _refuse_references(tables)
        _refuse_names(tables.values())
        own_files = tuple(
            Source(t.file, t.column_names, (t.name,), ignored_partitions=t.model.__ignored_partitions__)
            for t in tables.values()
            if t.file
        )
        sources = (*own_files, *getattr(module, "FLAT_FILES", ()))
        _refuse_sources(sources, tables)
        dataset = Dataset(name, (module.__doc__ or "").strip(), tables, sources)
        dataset.waves()
    return dataset


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Add the dataset or table to what is refused."""
    try:
        yield
    except (ValueError, PydanticUserError) as error:
        raise InvalidDeclaration(f"{where}: {error}.") from None


def _models(module: ModuleType) -> list[type[Row]]:
    """The module's row models that are tables. One that is none must be what another inherits from."""
    rows = [m for m in vars(module).values() if isinstance(m, type) and issubclass(m, Row) and m is not Row]
    models = [m for m in dict.fromkeys(rows) if m.__table_name__]
    for row in rows:
        home = row.__module__.rpartition(".")[2]
        if row.__table_name__ and hasattr(module, "__file__") and row.__module__ != module.__name__:
            raise ValueError(
                f"it imports {row.__name__}, a table of {home}; a class of its own may inherit from it"
            )
        if not row.__table_name__ and not any(row in m.__mro__ for m in models):
            raise ValueError(
                f"the class {row.__name__} is no table: write class {row.__name__}(Row, table='…')"
            )
    names = Counter(m.__table_name__ for m in models)
    for table, times in names.items():
        if times > 1:
            raise ValueError(f"it declares a table twice: {table!r}; give one of the classes another name")
    if not models:
        raise ValueError("it declares no table: write class Name(Row, table='…')")
    return models


def _key(model: type[Row]) -> tuple[str, ...]:
    fields = model.__pydantic_fields__
    marked = tuple(n for n, f in fields.items() if any(isinstance(m, Key) for m in markers(f)))
    return marked or tuple(fields)


def _read_table(dataset: str, model: type[Row], keys: Keys) -> Table:
    name = model.__table_name__
    with _located(f"{dataset}.{name}"):
        refuse_name("the table", name)
        refuse_model(model, Row)
        _complete(model)
        columns = tuple(_columns(model))
        foreign_keys = tuple(_foreign_keys(name, model, keys))
        _refuse_key(name, columns, keys[name], foreign_keys)
        _refuse_digests(columns)
    return Table(dataset, name, model, columns, keys[name], foreign_keys)


def _complete(model: type[Row]) -> None:
    """Refuse a model with an annotation that names nothing."""
    if not model.__pydantic_complete__ and model.model_rebuild(raise_errors=False) is not True:
        loose = [n for n, f in model.__pydantic_fields__.items() if not f._complete]  # noqa: SLF001
        raise ValueError(
            f"column {', '.join(loose)} has an annotation that names what its module does not define or import"
        )


def _columns(model: type[Row]) -> Iterator[Column]:
    if len(model.model_fields) > _COLUMNS:
        raise ValueError(
            f"it has {len(model.model_fields)} columns, and PostgreSQL holds {_COLUMNS}; split it"
        )
    for name, info in model.model_fields.items():
        refuse_name("the column", name)
        rule = read_rule(name, info)
        yield Column(name, rule.type, rule.nullable, rule.clean, rule, info.description or "")


def _foreign_keys(table: str, model: type[Row], keys: Keys) -> Iterator[ForeignKey]:
    for column, info in model.model_fields.items():
        references = [m for m in markers(info) if isinstance(m, References)]
        if len(references) > 1:
            raise ValueError(f"column {column} references several tables; it can reference one")
        for reference in references:
            parent_key = keys.get(reference.table)
            if parent_key is None or len(parent_key) != 1:
                raise ValueError(
                    f"column {column} references {reference.table!r}, which has no one-column key in this dataset; a key of "
                    "several columns cannot be referenced yet: leave the reference out"
                )
            yield ForeignKey(f"{table}_{column}_fkey", column, reference.table, parent_key[0])


def _refuse_key(
    table: str, columns: tuple[Column, ...], key: tuple[str, ...], references: tuple[ForeignKey, ...]
) -> None:
    for column in columns:
        if column.name in key and column.nullable:
            raise ValueError(
                f"key column {table}.{column.name} must not be nullable; a table without a Key is keyed by all its columns"
            )
        if column.name in key or any(reference.column == column.name for reference in references):
            refuse_unindexable(f"{table}.{column.name}", column.rule)
    if len(key) > _INDEX_COLUMNS:
        raise ValueError(
            f"its key has {len(key)} columns, and PostgreSQL's indexes hold {_INDEX_COLUMNS}; mark fewer with Key()"
        )
    if (size := sum(most_bytes(c.rule) for c in columns if c.name in key)) > _INDEX_BYTES:
        raise ValueError(
            f"its key may have {size} bytes, and PostgreSQL's indexes hold {_INDEX_BYTES}; lower max_length (a character "
            "has up to 4 bytes), or key the table by a Digest"
        )


def _refuse_digests(columns: tuple[Column, ...]) -> None:
    earlier: dict[str, Column] = {}
    for column in columns:
        for part in column.rule.digest.columns if column.rule.digest else ():
            found = earlier.get(part)
            if found is None or found.nullable or found.type.name != "text":
                raise ValueError(
                    f"column {column.name} is the Digest of {part!r}, which is no earlier text column that is never NULL"
                )
        if column.rule.digest and column.type.name != "text":
            raise ValueError(f"column {column.name} is a Digest and must be a HexId")
        earlier[column.name] = column


def _refuse_references(tables: Mapping[str, Table]) -> None:
    for table in tables.values():
        for key in table.foreign_keys:
            child, parent = table.by_name[key.column].type, tables[key.parent].by_name[key.parent_column].type
            if child.catalog != parent.catalog and not {child.name, parent.name} <= _WHOLE:
                raise ValueError(
                    f"{table.name}.{key.column} is {child.catalog} and references {key.parent}.{key.parent_column}, "
                    f"which is {parent.catalog}; declare both with the same type"
                )


def _refuse_names(tables: Iterable[Table]) -> None:
    """Refuse derived names that PostgreSQL would cut, and relations of one schema with the same name."""
    relations: dict[str, str] = {}
    for table in tables:
        made = [
            table.name,
            f"{table.name}_pkey",
            *(f"{table.name}_{k.column}_idx" for k in table.foreign_keys),
        ]
        derived = [f"{table.name}_{column}_check" for column in table.column_names]
        for name in (*made, *derived):
            if len(name.encode()) > IDENTIFIER_BYTES:
                raise ValueError(
                    f"{table.name}: the name {name} is {len(name)} bytes long, and PostgreSQL's names have "
                    f"{IDENTIFIER_BYTES}; shorten the table's or the column's name"
                )
        for name in made:
            if relations.setdefault(name, table.name) != table.name:
                raise ValueError(
                    f"{relations[name]} and {table.name} would both make {name}; rename one of them"
                )


def _refuse_sources(sources: Iterable[Source], tables: Mapping[str, Table]) -> None:
    """Refuse files that would never be read, or read as two tables."""
    stems: dict[str, str] = {}
    for source in sources:
        whose = ", ".join(source.tables)
        stem = data_stem(source.file)
        if stem is None or not stem or "/" in source.file:
            base = source.file.rpartition("/")[2].partition(".")[0] or whose
            raise ValueError(
                f"{whose}: files named {source.file!r} are not read. A file is name.csv, name.csv.gz, name.csv.zst or "
                f"name.parquet, without a folder; declare file='{base}.csv' and name it so"
            )
        if stem.casefold() in stems:
            raise ValueError(
                f"{stems[stem.casefold()]} and {whose} have one file, {source.file!r}; rename one"
            )
        stems[stem.casefold()] = whose
        for table in source.tables:
            if table not in tables:
                raise ValueError(f"FLAT_FILES: {source.file} fills {table!r}, which is no table of it")
