"""Former names and removed columns: what a module may declare."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Any

import pytest

from dataforge import Integer, Key, Label, Renamed, Row
from dataforge.errors import InvalidDeclaration
from dataforge.tables.catalogue import Dataset
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Evolution


def dataset(*models: type[Row], removed: Any = ()) -> Dataset:
    module = ModuleType("shop")
    vars(module).update({f"m{number}": model for number, model in enumerate(models)}, REMOVED=removed)
    return read_dataset(module)


def model(table: str = "items", renamed: str = "", **declared: Any) -> type[Row]:
    class Model(Row, table=table, renamed=renamed, **declared):
        item: Annotated[Label, Key()]
        score: Annotated[Integer, Renamed("points")]

    return Model


def test_declared_evolution_is_part_of_the_catalogue() -> None:
    found = dataset(model(renamed="things", removed="colour", narrowed=["score"]), removed="shelves")
    table = found.table("items")
    assert table.evolution == Evolution("things", ("colour",), ("score",))
    assert (found.removed, table.by_name["score"].renamed) == (("shelves",), "points")


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"renamed": "items"}, ["shop.items", "'items' is the table's own name"]),
        ({"removed": "score"}, ["removed names 'score', which is a column"]),
        ({"removed": "points"}, ["'points' is both removed and the former name of score"]),
        ({"narrowed": "size"}, ["narrowed names 'size'", "Columns: item, score"]),
        ({"removed": [3]}, ["removed has 3, which is not a name"]),
        ({"renamed": "x" * 64}, ["renamed has", "at most 63 bytes"]),
    ],
)
def test_contradictory_evolution_is_refused(declared: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidDeclaration) as raised:
        dataset(model(**declared))
    assert [word for word in words if word not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("models", "removed", "words"),
    [
        ((model(),), "items", "REMOVED names 'items', which a class declares"),
        ((model(),), 3, 'write REMOVED = ("old_table",)'),
        ((model(renamed="old"),), ("old",), "'old' is in REMOVED and is the former name of items"),
        ((model(renamed="old"), model("goods", "old")), (), "two tables have renamed='old'"),
    ],
)
def test_contradictory_former_tables_are_refused(models: Any, removed: Any, words: str) -> None:
    with pytest.raises(InvalidDeclaration) as raised:
        dataset(*models, removed=removed)
    assert words in str(raised.value)


def test_two_columns_with_one_former_name_are_refused() -> None:
    class Twice(Row, table="items"):
        score: Annotated[Integer, Renamed("points")]
        rank: Annotated[Integer, Renamed("points")]

    with pytest.raises(InvalidDeclaration, match=r"two columns are Renamed\('points'\)"):
        dataset(Twice)
