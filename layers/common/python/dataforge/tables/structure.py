"""The tables of datasets as data: what DDL is derived from, without classes. It is sent to the deployed function.

``describe`` and ``rebuild`` are inverse for everything that ``dataforge.postgres.ddl`` reads. A document may come from
any role that may invoke the function, so it contains no SQL: names are quoted, types are looked up, values are data.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from dataforge.tables.catalogue import Column, Dataset, ForeignKey, Table, UniqueKey
from dataforge.tables.checks import Check, Comparison, Present, TableCheck
from dataforge.tables.columns import Digest
from dataforge.tables.fields import ColumnRule
from dataforge.tables.names import IDENTIFIER_BYTES, refuse_dataset_name
from dataforge.tables.row import Row
from dataforge.tables.types.registry import column_type

_TEXT = 10_000
_MANY = 1_600
"""The most columns of a PostgreSQL table."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=IDENTIFIER_BYTES, pattern=r"^[^\x00]+$")]
Text = Annotated[str, StringConstraints(max_length=_TEXT, pattern=r"^[^\x00]*$")]
Names = Annotated[tuple[Name, ...], Field(max_length=_MANY)]
Number = int | float | Decimal


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Bounds(_Model):
    """The bounds of a column's rule, and the canonical text of its default."""

    pattern: Text | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_bytes: int | None = None
    ge: Number | None = None
    le: Number | None = None
    default: Text | None = None
    choices: Annotated[tuple[Text, ...] | tuple[int, ...], Field(max_length=10_000)] = ()


class ColumnStructure(_Model):
    """A column. ``type``: as DDL writes it. ``digest``: the columns that its value is derived from."""

    name: Name
    type: Annotated[str, StringConstraints(max_length=100)]
    nullable: bool
    description: Text = ""
    renamed: Name | None = None
    bounds: Bounds = Bounds()
    digest: Names | None = None
    identity: bool = False


class ReferenceStructure(_Model):
    """A reference, enforced or not."""

    name: Name
    columns: Names
    parent: Name
    parent_columns: Names
    enforced: bool
    deferrable: bool = False


class UniqueStructure(_Model):
    """A unique constraint."""

    name: Name
    columns: Names


class CheckStructure(_Model):
    """A condition on columns. Without an operator, one of ``columns`` is not NULL. ``value``: its canonical text."""

    columns: Names
    operator: Annotated[str, StringConstraints(max_length=2)] = ""
    value: Text | None = None


class TableStructure(_Model):
    """A table."""

    name: Name
    description: Text = ""
    columns: Annotated[tuple[ColumnStructure, ...], Field(min_length=1, max_length=_MANY)]
    key: Names
    distinct: bool = False
    references: Annotated[tuple[ReferenceStructure, ...], Field(max_length=1_000)] = ()
    uniques: Annotated[tuple[UniqueStructure, ...], Field(max_length=1_000)] = ()
    checks: Annotated[tuple[CheckStructure, ...], Field(max_length=1_000)] = ()
    renamed: Name | None = None
    removed: Names = ()
    narrowed: Names = ()


class DatasetStructure(_Model):
    """A dataset."""

    name: Name
    tables: Annotated[tuple[TableStructure, ...], Field(min_length=1, max_length=1_000)]
    removed: Names = ()


class Structure(_Model):
    """All datasets of a catalogue."""

    datasets: Annotated[tuple[DatasetStructure, ...], Field(max_length=100)]


def describe(dataset: Dataset) -> DatasetStructure:
    """The dataset as data."""
    return DatasetStructure(
        name=dataset.name,
        tables=tuple(map(_describe_table, dataset.tables.values())),
        removed=dataset.removed,
    )


def _describe_table(table: Table) -> TableStructure:
    references = (
        ReferenceStructure(
            name=key.name,
            columns=key.columns,
            parent=key.parent,
            parent_columns=key.parent_columns,
            enforced=key.enforced,
            deferrable=key.deferrable,
        )
        for key in table.references
    )
    return TableStructure(
        name=table.name,
        description=table.description,
        columns=tuple(map(_describe_column, table.columns)),
        key=table.key,
        distinct=table.model.__distinct__,
        references=tuple(references),
        checks=tuple(map(_describe_check, table.model.__checks__, table.checks)),
        uniques=tuple(UniqueStructure(name=u.name, columns=u.columns) for u in table.uniques),
        renamed=table.evolution.renamed or None,
        removed=table.evolution.removed,
        narrowed=table.evolution.narrowed,
    )


def _describe_check(declared: Check | Present, read: TableCheck) -> CheckStructure:
    if isinstance(declared, Present):
        return CheckStructure(columns=declared.columns)
    names = (declared.column, declared.other) if declared.other else (declared.column,)
    value = read.right.text if isinstance(read, Comparison) and not declared.other else None
    return CheckStructure(columns=names, operator=declared.operator, value=value)


def _rebuild_check(check: CheckStructure) -> Check | Present:
    if not check.operator:
        return Present(*check.columns)
    column, *other = check.columns
    return Check(column, check.operator, other[0] if other else "", check.value)


def _describe_column(column: Column) -> ColumnStructure:
    rule = column.rule
    return ColumnStructure(
        name=column.name,
        type=column.type.sql,
        nullable=column.nullable,
        description=column.description,
        renamed=column.renamed or None,
        bounds=Bounds.model_validate({name: getattr(rule, name) for name in Bounds.model_fields}),
        digest=rule.digest.columns if rule.digest else None,
        identity=column.identity,
    )


def rebuild(structure: DatasetStructure) -> Dataset:
    """The dataset, as far as DDL is derived from it: without files, cleaning and validation.

    Raises ``ValueError`` for an unknown type, a reserved name, or references to unknown tables and columns.
    """
    refuse_dataset_name(structure.name)
    tables = {table.name: rebuild_table(structure.name, table) for table in structure.tables}
    dataset = Dataset(structure.name, "", tables, (), structure.removed)
    for table in tables.values():
        _refuse_unknown(dataset, table)
    dataset.waves()
    return dataset


def _refuse_unknown(dataset: Dataset, table: Table) -> None:
    for key in table.references:
        parent = dataset.tables.get(key.parent)
        known = set(table.column_names) >= set(key.columns)
        if not known or parent is None or not set(parent.column_names) >= set(key.parent_columns):
            raise ValueError(f"{table.name}: {key.name} names a table or column that does not exist")
    _ = table.checks  # read when it is first used
    for columns in (table.key, *(unique.columns for unique in table.uniques)):
        if not set(columns) <= set(table.column_names):
            raise ValueError(f"{table.name}: a key names a column that does not exist")


def rebuild_table(dataset: str, table: TableStructure) -> Table:
    """One table. Raises ``ValueError`` for an unknown type."""
    model = type(
        "Sent",
        (Row,),
        {"__module__": __name__, "__doc__": table.description},
        table=table.name,
        distinct=table.distinct,
        checks=tuple(map(_rebuild_check, table.checks)),
        renamed=table.renamed or "",
        removed=table.removed,
        narrowed=table.narrowed,
    )
    references = tuple(ForeignKey(**dict(reference)) for reference in table.references)
    columns = tuple(map(_rebuild_column, table.columns))
    uniques = tuple(UniqueKey(unique.name, unique.columns) for unique in table.uniques)
    return Table(dataset, table.name, model, columns, table.key, references, uniques)


def _rebuild_column(column: ColumnStructure) -> Column:
    try:
        kind = column_type(column.type)
    except KeyError:
        raise ValueError(
            f"column {column.name} has the type {column.type!r}, which this version lacks"
        ) from None
    digest = Digest(column.digest) if column.digest else None
    rule = ColumnRule(kind, column.nullable, None, _ANY, digest=digest, **dict(column.bounds))
    return Column(
        column.name,
        kind,
        column.nullable,
        None,
        rule,
        column.description,
        renamed=column.renamed or "",
        identity=column.identity,
    )


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def rename(dataset: Dataset, tables: Mapping[str, str], columns: Mapping[str, Mapping[str, str]]) -> Dataset:
    """The dataset with other names: of ``tables``, and of ``columns`` by table."""
    structure = describe(dataset)

    def renamed(table: TableStructure) -> TableStructure:
        own = columns.get(table.name, {})

        def names(given: tuple[str, ...], of: Mapping[str, str] = own) -> tuple[str, ...]:
            return tuple(of.get(name, name) for name in given)

        return table.model_copy(
            update={
                "name": tables.get(table.name, table.name),
                "key": names(table.key),
                "columns": tuple(
                    column.model_copy(
                        update={
                            "name": own.get(column.name, column.name),
                            "digest": names(column.digest) if column.digest else None,
                        }
                    )
                    for column in table.columns
                ),
                "checks": tuple(
                    check.model_copy(update={"columns": names(check.columns)}) for check in table.checks
                ),
                "uniques": tuple(
                    unique.model_copy(update={"columns": names(unique.columns)}) for unique in table.uniques
                ),
                "references": tuple(
                    reference.model_copy(
                        update={
                            "columns": names(reference.columns),
                            "parent": tables.get(reference.parent, reference.parent),
                            "parent_columns": names(
                                reference.parent_columns, columns.get(reference.parent, {})
                            ),
                        }
                    )
                    for reference in table.references
                ),
            }
        )

    return rebuild(structure.model_copy(update={"tables": tuple(map(renamed, structure.tables))}))
