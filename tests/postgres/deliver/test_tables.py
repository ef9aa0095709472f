"""Descriptions of tables: columns, row counts and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.tables.datasets import DATASETS
from functions.deliver import tables

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

PUBLISHED = """
    INSERT INTO dataforge.migrations (migration_id, execution, dataset, prefix, tables, quality_threshold, status, quality)
    VALUES ('m1', 'e1', 'olist', '', '{}', 0.9, 'published', 1), ('m2', 'e2', 'olist', '', '{}', 0.980, 'published', 0.99),
        ('m3', 'e3', 'olist', '', '{}', 0.95, 'failed', 0.5), ('m4', 'e4', 'quotes', '', '{}', 0.95, 'published', 1);
    INSERT INTO dataforge.migrations (migration_id, execution, dataset, prefix, tables, quality_threshold, status, replay)
    VALUES ('m5', 'e5', 'olist', '', '{}', 0, 'published', '{"migration_id": "m2"}');
    INSERT INTO dataforge.migration_tables (migration_id, dataset, "table", quality) VALUES ('m5', 'olist', 'orders', 0),
        ('m1', 'olist', 'orders', 1), ('m1', 'olist', 'sellers', 1), ('m2', 'olist', 'orders', 0.99879999999),
        ('m3', 'olist', 'orders', 0.5), ('m4', 'quotes', 'tags', 0.96);
    INSERT INTO olist.sellers SELECT md5(i::text), '01310', 'x', 'SP' FROM generate_series(1, 37) i;
"""


@pytest.fixture(scope="module", autouse=True)
def filled(delivered: Database) -> None:
    delivered.query(PUBLISHED)


def test_every_table_of_the_dataset_is_listed(api: Api) -> None:
    for name, dataset in DATASETS.items():
        found = api.get("tables", f"dataset={name}").json["data"]
        assert [table["name"] for table in found] == list(dataset.tables)
        assert {table["dataset"] for table in found} == {name}
    assert api.get("tables").json == api.get("tables", "dataset=olist").json


def test_description_of_a_table_equals_its_entry_in_the_list(api: Api) -> None:
    for table in api.get("tables").json["data"]:
        assert api.get(f"tables/{table['name']}").json == table


def test_name_of_a_table_may_be_percent_encoded(api: Api) -> None:
    assert api.get("tables/order%5Fitems").json == api.get("tables/order_items").json


def test_description_has_columns_keys_and_row_count(api: Api) -> None:
    found = api.get("tables/order_items").json
    assert found["key"] == ["order_id", "order_item_id"]
    assert {
        "column": "seller_id",
        "table": "sellers",
        "references": "seller_id",
        "columns": ["seller_id"],
        "parent_columns": ["seller_id"],
        "enforced": True,
    } in found["foreign_keys"]
    assert [column["name"] for column in found["columns"]] == list(
        DATASETS["olist"].table("order_items").column_names
    )
    assert {"name": "price", "type": "numeric(10,2)", "nullable": False, "description": ""} in found[
        "columns"
    ]
    assert found["json_schema"]["properties"]["price"]["minimum"] == 0
    assert api.get("tables/sellers").json["row_count"] == 37


def test_row_count_of_a_large_table_is_estimated_and_marked(
    api: Api, delivered: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "COUNTED_BYTES", 0)
    assert api.get("tables/sellers").json["row_count_exact"]  # not analysed yet
    delivered.query("ANALYZE olist.sellers")
    found = api.get("tables/sellers").json
    assert (found["row_count"], found["row_count_exact"]) == (37, False)
    assert api.get("tables/customers").json["row_count"] == 0


def test_quality_is_that_of_the_last_published_migration(api: Api) -> None:
    found = {table["name"]: table for table in api.get("tables").json["data"]}
    assert (found["orders"]["quality"], found["orders"]["migration_id"]) == ("0.99879999999", "m2")
    assert (found["sellers"]["quality"], found["sellers"]["quality_threshold"]) == ("1.0", "0.9")
    assert (found["customers"]["quality"], found["customers"]["migration_id"]) == (None, None)


def test_every_page_has_a_quality_header_that_is_not_rounded_up(api: Api) -> None:
    assert api.records("orders").headers["Data-Quality"] == "score=0.9987, threshold=0.98, migration=m2"
    assert api.records("sellers").headers["Data-Quality"] == "score=1.0000, threshold=0.9, migration=m1"
    assert api.records("customers").headers["Data-Quality"] == "threshold=0.95"
    assert (
        api.records("tags", "dataset=quotes").headers["Data-Quality"]
        == "score=0.9600, threshold=0.95, migration=m4"
    )


@pytest.mark.parametrize(
    ("table", "wanted", "status"),
    [
        ("orders", "0.99879999999", 200),
        ("orders", "0.9988", 409),
        ("sellers", "1", 200),
        ("customers", "0.1", 409),
        ("customers", "0", 200),
    ],
)
def test_data_below_the_requested_quality_is_refused(api: Api, table: str, wanted: str, status: int) -> None:
    reply = api.records(table, f"min_quality={wanted}")
    assert reply.status == status
    if status == 409:
        assert table in reply.problem(409, "below-quality")["detail"]


@pytest.mark.parametrize("path", ["tables", "tables/orders", "tables/orders/records"])
@pytest.mark.parametrize("key", ["", "reader", "x." + "k" * 40])
def test_request_without_a_key_is_refused(api: Api, path: str, key: str) -> None:
    api.get(path, key=key).problem(403, "wrong-key")


@pytest.mark.parametrize("path", ["tables", "tables/orders"])
def test_unknown_parameter_is_refused(api: Api, path: str) -> None:
    api.get(path, "limit=1").problem(400, "invalid-request")
    api.get(path, "dataset=nothing").problem(404, "unknown-dataset")


def test_role_can_read_but_not_write(delivered: Database) -> None:
    rights = delivered.query(
        "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants WHERE grantee = 'dataforge_deliver'"
    )
    assert rights == [("SELECT",)]
