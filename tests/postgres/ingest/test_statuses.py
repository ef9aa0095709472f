"""Results of records: statuses, codes and pointers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
TABLES = list(DATASETS["olist"].tables)


def test_answer_has_the_fields_of_the_contract(api: Api, sample: Sample) -> None:
    reply = api.post(sample("customers"), sample("order_items", price=None))
    document = reply.json
    assert reply.status == 207
    assert reply.headers["Content-Type"] == "application/json"
    assert list(document) == ["batch_id", "mode", "counts", "results"]
    assert document["mode"] == "partial"
    others = dict.fromkeys(("updated", "unchanged", "ignored", "valid"), 0)
    assert document["counts"] == {"received": 2, "inserted": 1, **others, "rejected": 1}
    assert document["results"] == [
        {"index": 0, "table": "customers", "status": "inserted"},
        {
            "index": 1,
            "table": "order_items",
            "status": "rejected",
            "errors": [
                {
                    "pointer": "/records/1/data/price",
                    "code": "decimal_type",
                    "message": "Decimal input should be an integer, float, string or Decimal object",
                }
            ],
        },
    ]


def test_parents_and_children_of_every_table_are_accepted_in_one_batch_in_any_order(
    api: Api, sample: Sample
) -> None:
    reply = api.post(*(sample(name) for name in reversed(TABLES)))
    assert (reply.status, reply.statuses) == (200, ["inserted"] * len(TABLES))
    assert [api.count(f"olist.{name}") for name in TABLES] == [1] * len(TABLES)
    again = api.post(*(sample(name) for name in TABLES))
    assert (again.status, again.statuses) == (200, ["unchanged"] * len(TABLES))


def test_batch_is_stored_in_the_dataset_that_it_names(api: Api) -> None:
    records = [
        {"table": "quotes", "data": {"author": "Ana", "text": "Sim."}},
        {"table": "authors", "data": {"name": "Ana"}},
    ]
    reply = api.post(*records, dataset="quotes")
    assert reply.statuses == ["inserted", "inserted"]
    assert api.rows("quotes", "quotes") == [("Ana", "Sim.", "a45920448b0dec5cb1a1670bc48fbfb1")]
    assert api.post(*records).codes == [["unknown_table"], ["unknown_table"]]


def test_stored_values_have_their_type_and_all_digits(api: Api, sample: Sample) -> None:
    api.post(sample("customers"), sample("orders"))
    body = json.dumps({"records": [sample("order_payments", payment_value=7)]})
    body = body.replace('"payment_value": 7', '"payment_value": 12345678.90')
    assert api.send(body).statuses == ["inserted"]
    assert str(api.rows("order_payments")[0][-1]) == "12345678.90"


def test_values_are_cleaned_as_in_a_migration(api: Api, sample: Sample) -> None:
    reply = api.post(
        sample("sellers", seller_city="  Rio \n", seller_state="rj", seller_zip_code_prefix=" 20000 ")
    )
    assert reply.statuses == ["inserted"]
    assert api.rows("sellers")[0][1:] == ("20000", "Rio", "RJ")


def test_every_error_of_every_record_is_listed_with_a_pointer(api: Api, sample: Sample) -> None:
    data = {"customer_id": "x", "customer_city": " ", "customer_state": 5, "a/b~c": 1}
    reply = api.post({"table": "customers", "data": data}, {"table": "nope", "data": {}})
    first, second = reply.json["results"]
    assert reply.status == 422
    assert {(e["pointer"], e["code"]) for e in first["errors"]} == {
        ("/records/0/data/customer_id", "string_pattern_mismatch"),
        ("/records/0/data/customer_unique_id", "missing"),
        ("/records/0/data/customer_zip_code_prefix", "missing"),
        ("/records/0/data/customer_city", "missing"),
        ("/records/0/data/customer_state", "string_type"),
        ("/records/0/data/a~1b~0c", "unknown_column"),
    }
    assert [(e["pointer"], e["code"]) for e in second["errors"]] == [("/records/1/table", "unknown_table")]


def test_orphan_names_the_constraint_and_the_missing_key(api: Api, sample: Sample) -> None:
    reply = api.post(sample("order_items"), sample("sellers"))
    assert reply.statuses == ["rejected", "inserted"]
    assert reply.json["results"][0]["errors"] == [
        {
            "pointer": f"/records/0/data/{column}",
            "code": "foreign_key",
            "message": f"order_items_{column}_fkey: {parent} has no row with {column} = {1:032x}",
        }
        for column, parent in (("order_id", "orders"), ("product_id", "products"))
    ]


def test_child_of_a_rejected_parent_is_rejected(api: Api, sample: Sample) -> None:
    reply = api.post(sample("customers", customer_state="?"), sample("orders"), sample("order_reviews"))
    assert reply.codes == [["string_pattern_mismatch"], ["foreign_key"], ["foreign_key"]]
    assert reply.status == 422
    assert api.count("olist.orders") == 0


def test_nullable_column_can_be_null_or_omitted(api: Api, sample: Sample) -> None:
    left_out = sample("products", 2)
    del left_out["data"]["product_weight_g"]
    reply = api.post(sample("products", product_weight_g=None), left_out)
    assert reply.statuses == ["inserted", "inserted"]
    assert [row[5] for row in api.rows("products")] == [None, None]


def test_missing_parent_and_conflict_of_a_record_are_both_listed(api: Api, sample: Sample) -> None:
    api.post(sample("customers"), sample("orders"))
    reply = api.post(sample("orders", customer_id=f"{5:032x}"))
    assert reply.codes == [["foreign_key", "conflict"]]


def test_thousand_records_with_orphans_and_conflicts_are_one_transaction(api: Api, sample: Sample) -> None:
    api.post(*(sample("customers", n) for n in range(400)))
    before = api.database.query("SELECT pg_current_xact_id()::text::bigint")[0][0]
    batch = [sample("orders", n) for n in range(400)]
    batch += [sample("orders", 10_000 + n) for n in range(300)]
    batch += [sample("customers", n, customer_city="campinas") for n in range(300)]
    reply = api.post(*batch)
    assert reply.status == 207
    assert reply.statuses == ["inserted"] * 400 + ["rejected"] * 600
    assert reply.codes[400:] == [["foreign_key"]] * 300 + [["conflict"]] * 300
    assert api.count("dataforge.rejections") == 600
    writers = api.database.query(
        "SELECT DISTINCT xmin::text::bigint FROM olist.orders UNION SELECT xmin::text::bigint FROM dataforge.rejections"
    )
    assert len(writers) == 1
    assert writers[0][0] > before
