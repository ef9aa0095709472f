"""Limits of keys at tables, rows and quality."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from dataforge.key_limits import KeyLimits
from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.deliver.conftest import Api, Reply

ORDERS = KeyLimits(datasets={"olist": ("orders", "customers")})
QUOTES = KeyLimits(datasets={"quotes": None})


def get(api: Api, limits: KeyLimits, path: str, query: str = "") -> Reply:
    """The answer to a key with these limits, which no process has cached."""
    key_id = secrets.token_hex(5)
    statement = "INSERT INTO dataforge.key_limits (key_id, limits) VALUES (%s, %s)"
    api.database.query(statement, key_id, limits.model_dump_json())
    return api.get(path, query, key_id=key_id)


def test_list_of_tables_has_the_allowed_ones_only(api: Api) -> None:
    assert [t["name"] for t in get(api, ORDERS, "tables").rows] == ["customers", "orders"]
    assert len(get(api, QUOTES, "tables", "dataset=quotes").rows) == len(DATASETS["quotes"].tables)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("tables", "dataset=quotes"),
        ("tables", "dataset=none"),
        ("tables/sellers", ""),
        ("tables/none", ""),
        ("tables/orders", "dataset=quotes"),
        ("tables/orders", "dataset=none"),
        ("tables/sellers/records", ""),
        ("tables/none/records", ""),
        ("tables/orders/records", "dataset=quotes"),
        ("tables/orders/records", "dataset=none"),
        ("tables/s%65llers", ""),
        ("quality", "dataset=quotes"),
        ("quality", "dataset=none"),
    ],
)
def test_other_names_are_refused_whether_they_exist(api: Api, path: str, query: str) -> None:
    document = get(api, ORDERS, path, query).problem(403, "outside-limits")
    assert "It may use 'olist.orders', 'olist.customers'." in document["detail"]


def test_default_dataset_is_refused_to_a_key_of_another(api: Api) -> None:
    get(api, QUOTES, "tables").problem(403, "outside-limits")


@pytest.mark.parametrize("path", ["tables/orders", "tables/orders/records"])
def test_allowed_table_is_answered(api: Api, path: str) -> None:
    assert get(api, ORDERS, path).status == 200


def test_quality_has_the_allowed_tables_only(api: Api) -> None:
    (dataset,) = get(api, ORDERS, "quality").rows
    assert dataset["dataset"] == "olist"
    assert [table["table"] for table in dataset["tables"]] == ["customers", "orders"]
    assert [dataset["dataset"] for dataset in get(api, QUOTES, "quality").rows] == ["quotes"]
    assert get(api, KeyLimits(datasets={}), "quality").rows == []
