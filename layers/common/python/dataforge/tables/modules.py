"""Read a dataset from its module, and refuse declarations that cannot work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from pydantic import PydanticUserError

from dataforge.errors import InvalidDeclaration
from dataforge.formats.dialect import STANDARD, Csv
from dataforge.formats.json_lines import JsonLines
from dataforge.formats.words import texts
from dataforge.tables.catalogue import Column, Dataset, Source, Table
from dataforge.tables.columns import Header, Renamed
from dataforge.tables.declarations import (
    refuse_model,
)
from dataforge.tables.evolution import read_removed_tables, refuse_evolution, refuse_former_tables
from dataforge.tables.fields import markers, read_rule
from dataforge.tables.format_rules import refuse_ineffective, refuse_unused
from dataforge.tables.keys import is_identity, refuse_distinct, refuse_identities
from dataforge.tables.mistakes import undefined_names
from dataforge.tables.names import refuse_alike, refuse_dataset_name, refuse_name
from dataforge.tables.references import Target, mark_circles, read_references, read_target
from dataforge.tables.row import Row
from dataforge.tables.table_rules import (
    refuse_digests,
    refuse_flat_files,
    refuse_headers,
    refuse_key,
    refuse_names,
    refuse_references,
    refuse_sources,
)
from dataforge.tables.value_formats import Format

_COLUMNS = 1_500
"""Slightly below the limit of PostgreSQL, which depends on the columns' types."""


def read_dataset(module: ModuleType) -> Dataset:
    """The dataset that a module declares: its ``Row`` subclasses in order, under the module's name.

    Raises ``InvalidDeclaration`` at import for a declaration that cannot work.
    """
    name = module.__name__.rpartition(".")[2]
    with located(name):
        refuse_dataset_name(name)
        models = _models(module)
    value_format = getattr(module, "VALUE_FORMAT", None)
    if not isinstance(value_format, Format | None):
        raise InvalidDeclaration(f"{name}: VALUE_FORMAT is {value_format!r}; write VALUE_FORMAT = Format(…).")
    columns = {m.__table_name__: _read_columns(name, m, value_format) for m in models}
    targets = {m.__table_name__: _read_target(name, m, columns[m.__table_name__]) for m in models}
    tables = mark_circles({m.__table_name__: _read_table(name, m, columns, targets) for m in models})
    with located(name):
        refuse_references(tables)
        refuse_names(tables.values())
        own_files = tuple(_own_file(t, module) for t in tables.values() if t.file is not None)
        flat_files = getattr(module, "FLAT_FILES", ())
        refuse_flat_files(flat_files)
        sources = (*own_files, *flat_files)
        refuse_sources(sources, tables)
        for source in sources:
            refuse_headers(source)
        refuse_unused(module, tables.values(), sources)
        removed = read_removed_tables(getattr(module, "REMOVED", ()), tables)
        refuse_former_tables(tables, removed)
        ignored = texts("IGNORE", getattr(module, "IGNORE", ()))
    return Dataset(
        name,
        (module.__doc__ or "").strip(),
        tables,
        sources,
        removed,
        getattr(module, "EXAMPLE", False),
        ignored,
    )


def _own_file(table: Table, module: ModuleType) -> Source:
    """The table's own file, in its format or else the dataset's."""
    declared = table.model.__dialect__ or getattr(module, "FORMAT", STANDARD)
    if not isinstance(declared, Csv | JsonLines):
        raise ValueError(  # noqa: TRY004  as all declaration errors
            f"the format of {table.name} is {declared!r}; write format=Csv(…) or format=JsonLines()"
        )
    return Source(
        table.file or "",
        table.column_names,
        (table.name,),
        ignored_partitions=table.model.__ignored_partitions__,
        dialect=declared if isinstance(declared, Csv) else STANDARD,
        json_lines=isinstance(declared, JsonLines),
        any_name=table.model.__dialect__ is not None,
        headers={column.name: column.header.names for column in table.columns if column.header.names},
        optional=tuple(column.name for column in table.columns if column.header.optional),
        ignore=table.model.__ignored_headers__,
    )


@contextmanager
def located(where: str) -> Iterator[None]:
    """Prefix errors with the dataset or table."""
    try:
        yield
    except (ValueError, PydanticUserError) as error:
        raise InvalidDeclaration(f"{where}: {error}.") from None


def _models(module: ModuleType) -> list[type[Row]]:
    """The module's row models that are tables. A ``Row`` subclass without a table must be the base of another."""
    rows = [m for m in vars(module).values() if isinstance(m, type) and issubclass(m, Row) and m is not Row]
    models = [m for m in dict.fromkeys(rows) if m.__table_name__]
    for row in rows:
        home = row.__module__.rpartition(".")[2]
        if row.__table_name__ and hasattr(module, "__file__") and row.__module__ != module.__name__:
            raise ValueError(
                f"the module imports {row.__name__}, a table of {home}; declare a subclass of it instead"
            )
        if not row.__table_name__ and not any(row in m.__mro__ for m in models):
            raise ValueError(
                f"the class {row.__name__} is not a table: write class {row.__name__}(Row, table='…')"
            )
    names = Counter(m.__table_name__ for m in models)
    for table, times in names.items():
        if times > 1:
            raise ValueError(f"two classes declare the table {table!r}; rename one of the tables")
    if not models:
        raise ValueError("the module declares no table: write class Name(Row, table='…')")
    return models


def _read_target(dataset: str, model: type[Row], columns: tuple[Column, ...]) -> Target:
    with located(f"{dataset}.{model.__table_name__}"):
        refuse_distinct(model)
        return read_target(model, columns)


def _read_columns(dataset: str, model: type[Row], default_format: Format | None) -> tuple[Column, ...]:
    name = model.__table_name__
    with located(f"{dataset}.{name}"):
        refuse_name("the table", name)
        refuse_model(model, Row)
        _complete(model)
        columns = tuple(_columns(model, default_format))
        refuse_digests(columns)
        refuse_identities(columns)
        refuse_evolution(model.__evolution__, name, columns)
    return columns


def _read_table(
    dataset: str,
    model: type[Row],
    columns: Mapping[str, tuple[Column, ...]],
    targets: Mapping[str, Target],
) -> Table:
    name = model.__table_name__
    own = targets[name]
    with located(f"{dataset}.{name}"):
        references = tuple(read_references(model, targets))
        table = Table(dataset, name, model, columns[name], own.key, references, own.uniques)
        refuse_key(table)
        _ = table.checks
    return table


def _complete(model: type[Row]) -> None:
    """Refuse a model with an annotation that cannot be resolved."""
    if not model.__pydantic_complete__ and model.model_rebuild(raise_errors=False) is not True:
        loose = [n for n, f in model.__pydantic_fields__.items() if not f._complete]  # noqa: SLF001
        unknown = undefined_names(model, loose)
        raise ValueError(
            f"column {', '.join(loose)} has an annotation with a name that its module neither defines nor imports{unknown}"
        )


def _columns(model: type[Row], default_format: Format | None) -> Iterator[Column]:
    if len(model.model_fields) > _COLUMNS:
        raise ValueError(
            f"the table has {len(model.model_fields)} columns, and at most {_COLUMNS} are possible; split it"
        )
    refuse_alike("columns", model.model_fields)
    for name, info in model.model_fields.items():
        refuse_name("the column", name)
        rule = read_rule(name, info)
        header = next((m for m in reversed(markers(info)) if isinstance(m, Header)), Header())
        if header.optional and not rule.nullable and rule.default is None:
            raise ValueError(
                f"column {name} is optional in files, is not nullable and has no default: "
                "write `… | None = None`, or a default such as `= 0`"
            )
        own_format = next((m for m in markers(info) if isinstance(m, Format)), None)
        if own_format is not None:
            refuse_ineffective(name, rule.type.name, own_format)
        renamed = next((m.name for m in markers(info) if isinstance(m, Renamed)), "")
        yield Column(
            name,
            rule.type,
            rule.nullable,
            rule.clean,
            rule,
            info.description or "",
            header,
            own_format or default_format,
            renamed,
            is_identity(name, info, rule),
        )
