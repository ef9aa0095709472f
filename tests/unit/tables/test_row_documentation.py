"""Documentation of rows: schemas and examples agree with validation."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from types import ModuleType, new_class
from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from dataforge import VarChar
from dataforge.records.validate import validate
from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import Boolean, Date, Double, Integer, Key, Label, MaxBytes, Money, Text
from dataforge.tables.datasets import DATASETS
from dataforge.tables.examples import example_row
from dataforge.tables.json_schema import row_schema
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row

TABLES = [(dataset, table) for dataset in DATASETS.values() for table in dataset.tables.values()]
IDS = [f"{dataset.name}.{table.name}" for dataset, table in TABLES]
every_table = pytest.mark.parametrize(("dataset", "table"), TABLES, ids=IDS)


@every_table
def test_example_is_a_valid_row(dataset: Dataset, table: Table) -> None:
    assert isinstance(validate(table, example_row(dataset, table), Counter()), tuple)


@pytest.mark.parametrize(
    "kind",
    [
        Annotated[str, VarChar(3)],
        Annotated[Text, Field(max_length=3)],
        Annotated[Text, Field(min_length=30, max_length=40)],
        Annotated[Text, MaxBytes(4)],
    ],
)
def test_example_of_a_text_with_a_length_is_valid(kind: object) -> None:
    module = ModuleType("shop")
    namespace = {"__annotations__": {"x": kind}, "__module__": "shop"}
    vars(module)["Item"] = new_class(
        "Item", (Row,), {"table": "items"}, lambda space: space.update(namespace)
    )
    dataset = read_dataset(module)
    table = dataset.table("items")
    assert isinstance(validate(table, example_row(dataset, table), Counter()), tuple)


@every_table
def test_example_matches_the_schema(dataset: Dataset, table: Table) -> None:
    Draft202012Validator.check_schema(row_schema(table))
    Draft202012Validator(row_schema(table)).validate(example_row(dataset, table))


@every_table
def test_foreign_keys_of_an_example_refer_to_the_examples_of_the_parents(
    dataset: Dataset, table: Table
) -> None:
    row = validate(table, example_row(dataset, table), Counter())
    assert isinstance(row, tuple)
    for key in table.foreign_keys:
        parent = dataset.table(key.parent)
        values = validate(parent, example_row(dataset, parent), Counter())
        assert isinstance(values, tuple)
        referenced = [values[parent.column_names.index(column)] for column in key.parent_columns]
        assert [row[table.column_names.index(column)] for column in key.columns] == referenced


@every_table
def test_schema_is_json_and_has_every_column_in_order(dataset: Dataset, table: Table) -> None:
    schema = json.loads(json.dumps(row_schema(table)))
    assert tuple(schema["properties"]) == table.column_names


@every_table
def test_value_outside_the_schemas_limits_is_rejected(dataset: Dataset, table: Table) -> None:
    properties = row_schema(table)["properties"]
    for name, schema in properties.items():
        for wrong in _outside(schema, table.by_name[name]):
            row = {**example_row(dataset, table), name: wrong}
            result = validate(table, row, Counter())
            assert isinstance(result, list), (name, wrong)


def _outside(schema: dict[str, object], column: Column) -> list[object]:
    """Values of the right type that the schema's limits exclude."""
    wrong: list[object] = [] if column.nullable or column.rule.digest else [None]
    match schema:
        case {"enum": _}:
            wrong.append("no such word")
        case {"pattern": _, "type": _} if column.type.name == "timestamp" or column.rule.pattern:
            wrong.append("!")
        case {"maxLength": int(most)}:
            wrong.append("x" * (most + 1))
    if isinstance(low := schema.get("minimum"), int | float):
        wrong.append(low - 1)
    if isinstance(high := schema.get("maximum"), int | float):
        wrong.append(high + 1)
    if isinstance(bound := schema.get("exclusiveMaximum"), int | float):
        wrong.append(bound)
    return wrong


class Cleaned(Row, table="cleaned"):
    """Columns with defaults and with cleaning."""

    key: Annotated[Label, Key()]
    zip: Annotated[Text, Clean(collapse=True, replace=((" UTC$", ""),), upper=True, pad="0", width=5)]
    number: Integer = 7
    price: Money = Decimal("1.5")
    size: Double = 0.5
    known: Boolean = True
    day: Date = date(2020, 1, 2)
    kind: Literal["a", "b"] = "b"


def test_schema_describes_defaults_and_cleaning() -> None:
    module = ModuleType("shop")
    vars(module).update(Cleaned=Cleaned)
    schema = row_schema(read_dataset(module).table("cleaned"))
    assert schema["required"] == ["key", "zip"]
    Draft202012Validator.check_schema(schema)
    defaults = {name: found["default"] for name, found in schema["properties"].items() if "default" in found}
    assert (defaults["number"], defaults["known"], defaults["day"]) == (7, True, "2020-01-02")
    Draft202012Validator(schema).validate({"key": "k", "zip": "z", **defaults})
    assert schema["properties"]["zip"]["description"] == (
        "Before validation: white space at both ends is removed, and an empty value is null; runs of white space become "
        "one space; these patterns are replaced: ' UTC$' by ''; ASCII letters become upper case; '0' is added on the left "
        "up to 5 characters."
    )
