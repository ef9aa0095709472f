"""The catalogue as data: the same DDL after a round trip, and only bounded data is accepted."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from dataforge import (
    Check,
    Digest,
    Exact,
    HexId,
    Identity,
    Integer,
    Json,
    Key,
    Label,
    MaxBytes,
    Present,
    References,
    Renamed,
    Row,
    Text,
    VarChar,
)
from dataforge.postgres import ddl
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.structure import DatasetStructure, describe, rebuild


class Parent(Row, table="parents", renamed="old_parents"):
    """The parents' table: it's quoted."""

    text: Annotated[Text, MaxBytes(10)]
    id: Annotated[HexId, Key(), Digest(("text",))]


class Note(Row, table="notes", distinct=True):
    text: Text | None = None


class Copies(Row, table="copies"):
    text: Text | None = None


class Child(
    Row,
    table="children",
    removed="x",
    narrowed="size",
    unique=(("label", "size"),),
    checks=(Check("code", "<>", value="x"), Check("size", "<", value=90), Present("code", "parent")),
):
    number: Annotated[Integer, Key(), Identity(), Renamed("no")]
    parent: Annotated[HexId, References("parents")] | None = None
    size: Annotated[Exact, Field(max_digits=9, decimal_places=2, ge=0, le=99)] = Field(
        description="It's big."
    )
    ratio: Annotated[float, Field(ge=0.1, le=1, allow_inf_nan=False)]
    kind: Literal["a", "b'"] = "a"
    level: Annotated[Literal[1, 2], Key()]
    code: Annotated[str, VarChar(7)] | None = None
    label: Label
    document: Json | None = None


def shop() -> Dataset:
    module = ModuleType("shop")
    vars(module).update(Parent=Parent, Child=Child, Note=Note, Copies=Copies, REMOVED=("gone",))
    return read_dataset(module)


ALL = [*DATASETS.values(), shop()]


@pytest.mark.parametrize("dataset", ALL, ids=[d.name for d in ALL])
def test_catalogue_has_the_same_ddl_after_a_round_trip_as_json(dataset: Dataset) -> None:
    sent = describe(dataset).model_dump_json()
    received = rebuild(DatasetStructure.model_validate_json(sent))
    assert list(ddl.dataset_statements(received)) == list(ddl.dataset_statements(dataset))
    assert [ddl.default_values(t) for t in received.tables.values()] == [
        ddl.default_values(t) for t in dataset.tables.values()
    ]
    assert describe(received) == describe(dataset)


def changed(**values: Any) -> dict[str, Any]:
    document = describe(shop()).model_dump(mode="json")
    document["tables"][0] |= values
    return document


@pytest.mark.parametrize(
    "document",
    [
        changed(columns=[]),
        changed(columns=[{"name": "a", "type": "text", "nullable": True, "sql": "DROP"}]),
        changed(name="x" * 64),
        changed(name="a\0"),
        changed(columns=[{"name": f"c{n}", "type": "text", "nullable": True} for n in range(2_000)]),
    ],
    ids=["no columns", "unknown field", "long name", "NUL", "many columns"],
)
def test_structure_beyond_its_bounds_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DatasetStructure.model_validate(document)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed(columns=[{"name": "a", "type": "int; DROP", "nullable": True}]), "int; DROP"),
        (changed(key=["missing"]), "a key names a column"),
        (changed(name="others"), "does not exist"),
        (describe(shop()).model_dump() | {"name": "pg_catalog"}, "reserved schema"),
    ],
    ids=["type", "key", "parent", "schema"],
)
def test_structure_that_contradicts_itself_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rebuild(DatasetStructure.model_validate(document))
