"""Which file is which source's."""

from __future__ import annotations

import pytest

from dataforge.catalogue import Dataset, Source
from dataforge.datasets import get_dataset
from dataforge.naming import in_order, source_of

OLIST = get_dataset("olist")
SHARED = Dataset(
    "shared", "", {}, (Source("orders.csv", (), ("orders",)), Source("orders_old.csv", (), ("old",)))
)


@pytest.mark.parametrize(
    "path",
    [
        "olist_orders_dataset.csv",
        "olist_orders_dataset_2.csv",
        "olist_orders_dataset.part2.csv",
        "olist_orders_dataset-2018-01.csv",
        "olist_orders_dataset/anything.csv",
    ],
)
def test_a_source_may_have_many_files(path: str) -> None:
    source = source_of(OLIST, path)
    assert source is not None
    assert source.tables == ("orders",)


@pytest.mark.parametrize(
    "path",
    [
        "orders.csv",
        "olist_orders_datasets.csv",
        "olist_orders_dataset2.csv",
        "my_olist_orders_dataset.csv",
        "olist_orders_dataset.csv.bak",
        "olist_orders_dataset.json",
        "olist_orders_dataset",
        "olist_orders_dataset_2/part.csv",
        "olist_orders_dataset/_SUCCESS",
        "2018/olist_orders_dataset.csv",
        "olist_orders_dataset/2018/01.csv",
        "",
    ],
)
def test_other_names_belong_to_none(path: str) -> None:
    assert source_of(OLIST, path) is None


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("orders_2.csv", "orders.csv"),
        ("orders_old.csv", "orders_old.csv"),
        ("orders_old_2.csv", "orders_old.csv"),
        ("orders_older.csv", "orders.csv"),
        ("orders/orders_old.csv", "orders.csv"),
        ("orders_old/1.csv", "orders_old.csv"),
    ],
)
def test_a_name_that_fits_two_sources_belongs_to_the_longer(path: str, file: str) -> None:
    source = source_of(SHARED, path)
    assert source is not None
    assert source.file == file


def test_files_are_in_the_order_of_their_bytes() -> None:
    keys = ["a_2.csv", "a.csv", "a_10.csv", "a\uffff.csv", "a\U00010000.csv"]
    assert in_order(keys) == ["a.csv", "a_10.csv", "a_2.csv", "a\uffff.csv", "a\U00010000.csv"]
