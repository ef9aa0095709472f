"""The catalogue: tables declared as row models, and refusal of invalid declarations."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType, NoneType
from typing import Annotated, Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints

from dataforge.errors import UnknownDataset, UnknownTable
from dataforge.tables.catalogue import Dataset, ForeignKey, Table
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import Count, HexId, Integer, Key, Label, Money, References, Text, Timestamp
from dataforge.tables.datasets import DATASETS, find_modules, get_dataset, load
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row

OLIST, QUOTES = DATASETS["olist"], DATASETS["quotes"]


def dataset(*models: type[Row], name: str = "shop") -> Dataset:
    """The dataset of a module with these models."""
    module = ModuleType(name)
    vars(module).update({f"m{number}": model for number, model in enumerate(models)})
    return read_dataset(module)


def nullable(kind: Any) -> bool:
    """Return whether a declaration allows NULL."""
    return NoneType in get_args(kind) or any(NoneType in get_args(inner) for inner in get_args(kind))


def model(table: str, **columns: Any) -> type[Row]:
    """A row model; nullable columns get their default."""
    fields: dict[str, Any] = {"__annotations__": columns, "__module__": __name__}
    fields |= {name: None for name, kind in columns.items() if nullable(kind)}
    return type(table.title(), (Row,), fields, table=table)


def column(kind: Any) -> Table:
    """A table whose second column is of this kind."""
    return dataset(model("items", item=Annotated[Integer, Key()], x=kind)).table("items")


def test_datasets_are_those_of_the_contract() -> None:
    assert {"olist", "quotes"} <= {name for name, dataset in DATASETS.items() if not dataset.example}
    assert set(OLIST.tables) == {
        "category_translations",
        "customers",
        "sellers",
        "geolocations",
        "products",
        "orders",
        "order_items",
        "order_payments",
        "order_reviews",
    }
    assert set(QUOTES.tables) == {"authors", "quotes", "tags", "quote_tags"}


def test_keys_are_those_of_the_contract() -> None:
    keys = {t.name: t.key for t in OLIST.tables.values()}
    assert keys["order_items"] == ("order_id", "order_item_id")
    assert keys["order_payments"] == ("order_id", "payment_sequential")
    assert keys["order_reviews"] == ("review_id", "order_id")
    assert keys["geolocations"] == OLIST.table("geolocations").column_names
    assert OLIST.table("geolocations").keyed_by_row
    assert {t.name for t in OLIST.tables.values() if t.keyed_by_row} == {"geolocations"}


def test_foreign_keys_are_those_of_the_contract() -> None:
    found = {
        t.name: {(k.column, k.parent) for k in t.foreign_keys}
        for t in OLIST.tables.values()
        if t.foreign_keys
    }
    assert found == {
        "orders": {("customer_id", "customers")},
        "order_items": {("order_id", "orders"), ("product_id", "products"), ("seller_id", "sellers")},
        "order_payments": {("order_id", "orders")},
        "order_reviews": {("order_id", "orders")},
    }


def test_types_are_those_of_the_contract() -> None:
    kinds = {c.name: c.type.catalog for t in OLIST.tables.values() for c in t.columns}
    assert kinds["price"] == kinds["freight_value"] == kinds["payment_value"] == "numeric(10,2)"
    assert kinds["geolocation_lat"] == kinds["geolocation_lng"] == "double precision"
    assert {name for name, kind in kinds.items() if kind == "integer"} == {
        *("product_name_lenght", "product_description_lenght", "product_photos_qty", "product_weight_g"),
        *("product_length_cm", "product_height_cm", "product_width_cm"),
        *("order_item_id", "payment_sequential", "payment_installments", "review_score"),
    }
    assert {f"{t.name}.{c.name}" for t in OLIST.tables.values() for c in t.columns if c.nullable} == {
        *(f"products.{c.name}" for c in OLIST.table("products").columns[1:]),
        *("orders.order_approved_at", "orders.order_delivered_carrier_date"),
        *("orders.order_delivered_customer_date",),
        *("order_reviews.review_comment_title", "order_reviews.review_comment_message"),
    }


@pytest.mark.parametrize("data", list(DATASETS.values()), ids=list(DATASETS))
def test_every_parent_outside_a_circle_is_in_an_earlier_wave(data: Dataset) -> None:
    place = {name: number for number, wave in enumerate(data.waves()) for name in wave}
    assert place.keys() == data.tables.keys()
    for table in data.tables.values():
        parents = {key.parent for key in table.foreign_keys} - {*data.circle(table.name)}
        assert all(place[parent] < place[table.name] for parent in parents - {table.name})


def test_table_without_references_to_it_delays_no_other_table() -> None:
    first, *_, last = OLIST.waves()
    assert first == ["customers"]
    assert {"geolocations", "order_items", "order_payments", "order_reviews"} <= set(last)


@given(st.sets(st.sampled_from(sorted(OLIST.tables))))
def test_waves_of_selected_tables_contain_only_these(names: set[str]) -> None:
    waves = OLIST.waves(names)
    assert sorted(name for wave in waves for name in wave) == sorted(names)
    assert all(waves)


def test_error_for_an_unknown_name_lists_the_known_names() -> None:
    with pytest.raises(UnknownDataset, match=r"'olst'.*olist, .*quotes"):
        get_dataset("olst")
    with pytest.raises(UnknownTable, match=r"'order'.*orders"):
        OLIST.table("order")


def test_nullable_column_can_be_a_foreign_key_declared_inside_or_outside() -> None:
    parent = model("parents", name=Annotated[Label, Key()])
    inside = model(
        "inside", n=Annotated[Integer, Key()], parent=Annotated[Label, References("parents")] | None
    )
    outside = model(
        "outside", n=Annotated[Integer, Key()], parent=Annotated[Label | None, References("parents")]
    )
    tables = dataset(parent, inside, outside).tables
    for name in ("inside", "outside"):
        assert tables[name].by_name["parent"].nullable
        assert tables[name].foreign_keys == (
            ForeignKey(f"{name}_parent_fkey", ("parent",), "parents", ("name",)),
        )


def test_rule_has_the_same_effect_inside_and_outside_of_null() -> None:
    bounded = Annotated[Count, Field(le=5)]
    assert column(bounded).by_name["x"].rule.le == column(bounded | None).by_name["x"].rule.le == 5
    assert (
        column(Label).by_name["x"].rule.max_length == column(Label | None).by_name["x"].rule.max_length == 200
    )


Digits = Annotated[str, StringConstraints(pattern=r"^\d{5}$")]
Anything = Annotated[str, StringConstraints(pattern=r"^a.*$")]
Unanchored = Annotated[str, StringConstraints(pattern=r"[a-z]")]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str, "text"),
        (int, "bigint"),
        (Annotated[int, Field(ge=0)], "bigint"),
        (float, "double precision"),
        (datetime, "timestamp"),
        (Decimal, "Numeric"),
        (Annotated[Decimal, Field(max_digits=39, decimal_places=2)], "max_digits <= 38"),
        (Annotated[Decimal, Field(max_digits=2, decimal_places=3)], "decimal_places <= max_digits"),
        (bytes, "no storage type"),
        (list[int], "no storage type"),
        (Text | int, "no storage type"),
        (Digits, r"\d"),
        (Anything, "NUL"),
        (Unanchored, "NUL"),
        (Annotated[Text, StringConstraints(pattern=r"^a[^,]*$")], "NUL"),
    ],
)
def test_column_that_accepts_what_postgresql_refuses_is_refused(kind: Any, words: str) -> None:
    with pytest.raises(ValueError, match="column x") as raised:
        column(kind)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "kind",
    [
        Text,
        Label | None,
        Money,
        Timestamp | None,
        bool,
        Literal["a", "b"],
        Annotated[int, Field(ge=0, le=100)],
        Annotated[Decimal, Field(max_digits=5, decimal_places=0)],
        Annotated[Decimal, Field(max_digits=38, decimal_places=38)],
        Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[0-9]+\.[0-9]$"), Clean(upper=True)],
        Annotated[Text, StringConstraints(pattern=r"^[^\x00,]*$")],
    ],
)
def test_column_of_the_facades_types_is_accepted(kind: Any) -> None:
    assert column(kind).by_name["x"].nullable == nullable(kind)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (lambda: (model("a", x=Label), model("a", y=Label)), "two classes declare"),
        (
            lambda: (model("a", x=Annotated[Label, References("b")]),),
            "not a table of this dataset. Its tables: a",
        ),
        (
            lambda: (model("a", x=Label), model("b", z=Annotated[Label, References("a")])),
            "which has no key",
        ),
        (lambda: (model("a", x=Annotated[Label | None, Key()]),), "is nullable"),
        (lambda: (model("a", x=Annotated[Text, Key()]),), "a.x is indexed and has no length limit"),
        (
            lambda: (
                model("a", x=Annotated[Label, Key()]),
                model("b", y=Annotated[HexId, Key()], z=Annotated[Text, References("a")]),
            ),
            "b.z is indexed",
        ),
        (lambda: (model("1a", x=Label),), "'1a' must begin with a letter"),
        (lambda: (model("a/b", x=Label),), "'a/b' must begin with a letter"),
        (lambda: (model("a ", x=Label),), "'a ' must begin"),
        (lambda: (model("a", **{"x.y": Label}),), "'x.y'"),
        (lambda: (model("ü" * 32, x=Label),), "has 64 bytes"),
        (lambda: (model("a", x=Label, X=Label),), "x and X differ in case only"),
        (lambda: (model("a", x=Label), model("A", x=Label)), "a and A differ in case only"),
    ],
)
def test_inconsistent_dataset_is_refused(models: Callable[[], tuple[type[Row], ...]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataset(*models())


def test_nullable_column_without_a_default_is_refused() -> None:
    class NoDefault(Row, table="items"):
        item: Annotated[HexId, Key()]
        note: Text | None

    with pytest.raises(ValueError, match="needs the default None"):
        dataset(NoDefault)


def test_nullable_column_with_another_default_is_refused() -> None:
    class Defaults(Row, table="items"):
        item: Annotated[HexId, Key()]
        note: Text | None = "none"

    with pytest.raises(ValueError, match="needs the default None"):
        dataset(Defaults)


def test_module_in_the_package_is_a_dataset_without_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_datasets"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "_shared.py").write_text("raise RuntimeError('imported')")
    (package / "shop.py").write_text(
        "from dataforge import Integer, Key, Row\nfrom typing import Annotated\n"
        "class Item(Row, table='items'):\n    'An item.'\n    id: Annotated[Integer, Key()]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = load(find_modules(package.name), package.name)
    assert {name: [*dataset.tables] for name, dataset in found.items()} == {"shop": ["items"]}


def test_errors_are_imported_without_pydantic_and_without_the_row_models() -> None:
    code = (
        "import sys, dataforge.errors; loaded = {'pydantic', 'dataforge.tables.catalogue', 'datasets'} & sys.modules.keys();"
        "assert not loaded, loaded; from dataforge import Row, Key"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
