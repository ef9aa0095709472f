"""Quality computed from stored facts: per table, dataset and rule, in total and over a window."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from dataforge.api.document import build
from dataforge.defaults import KEY_ALARM_DAYS
from dataforge.key_limits import KeyLimits
from dataforge.tables.datasets import DATASETS
from functions.deliver.handler import watch

CONTEXT: Any = SimpleNamespace(
    function_name="deliver", memory_limit_in_mb=256, invoked_function_arn="arn:deliver", aws_request_id="1"
)

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

FACTS = """
    INSERT INTO dataforge.quality_facts (source, source_id, dataset, "table", at, read, accepted, rejected, rules) VALUES
        ('migration', 'm1', 'olist', 'orders', now() - interval '90 days', 1000, 900, 100,
            '{"order_status": {"literal_error": 100}}'),
        ('batch', 'b1', 'olist', 'orders', now() - interval '5 days', 100, 98, 2,
            '{"order_status": {"literal_error": 1}, "customer_id": {"foreign_key": 1, "string_pattern_mismatch": 1},
              "": {"conflict": 1, "unknown_column": 1}}'),
        ('batch', 'b2', 'olist', 'orders', now() - interval '2 hours', 100, 97, 3,
            '{"order_purchase_timestamp": {"missing": 2}, "order_id": {"string_type": 1}, "": {"a_new_code": 1}}'),
        ('batch', 'b2', 'olist', 'sellers', now() - interval '2 hours', 50, 50, 0, '{}');
    INSERT INTO dataforge.migrations
        (migration_id, execution, dataset, prefix, tables, quality_threshold, status, quality, finished_at)
        VALUES ('m1', 'e1', 'olist', '', '{}', 0.9, 'published', 0.9, '2020-01-02 03:04:05+00');
    INSERT INTO dataforge.migration_tables
        (migration_id, dataset, "table", read, loaded, unchanged, deduplicated, rejected, quality, source_hash, target_hash)
        VALUES ('m1', 'olist', 'orders', 1000, 880, 10, 10, 100, 0.9, 'aa', 'aa');
"""


@pytest.fixture(scope="module", autouse=True)
def facts(delivered: Database) -> None:
    delivered.query(FACTS)


def of(api: Api, table: str, window: str = "30d") -> dict[str, Any]:
    reply = api.get("quality", f"dataset=olist&window={window}")
    assert reply.status == 200, reply.body
    (dataset,) = json.loads(reply.body)["data"]
    return next(found for found in dataset["tables"] if found["table"] == table)


def failed(table: dict[str, Any]) -> dict[tuple[str, str | None], int]:
    return {(rule["rule"], rule["column"]): rule["failed"] for rule in table["rules"] if rule["failed"]}


def test_score_is_computed_in_total_and_over_the_window(api: Api) -> None:
    orders = of(api, "orders")
    assert (orders["read"], orders["accepted"], orders["rejected"]) == (1200, 1095, 105)
    assert orders["score"] == pytest.approx(1 - 105 / 1200)
    assert orders["window"] == {"score": pytest.approx(0.975), "read": 200, "accepted": 195, "rejected": 5}
    assert of(api, "orders", "1d")["window"]["read"] == 100
    assert of(api, "orders", "1h")["window"] == {"score": None, "read": 0, "accepted": 0, "rejected": 0}
    assert of(api, "orders", "52w")["window"]["read"] == 1200


def test_quality_of_a_dataset_is_the_sum_of_its_tables(api: Api) -> None:
    (olist,) = json.loads(api.get("quality", "dataset=olist").body)["data"]
    assert (olist["read"], olist["window"]["read"], olist["window"]["rejected"]) == (1250, 250, 5)
    assert olist["threshold"] == 0.95
    assert sum(point["read"] for point in olist["trend"]) == 250
    assert [point["at"] for point in olist["trend"]] == sorted(point["at"] for point in olist["trend"])


def test_trend_has_a_point_for_each_period_with_records(api: Api) -> None:
    points = of(api, "orders")["trend"]
    assert [(point["read"], point["rejected"], point["score"]) for point in points] == [
        (100, 2, 0.98),
        (100, 3, 0.97),
    ]
    assert of(api, "customers")["trend"] == []


def test_rules_are_those_of_the_catalogue_and_failures_are_counted_by_code(api: Api) -> None:
    orders = of(api, "orders")
    assert failed(orders) == {
        ("pattern", "order_status"): 1,
        ("foreign_key", "customer_id"): 1,
        ("pattern", "customer_id"): 1,
        ("uniqueness", None): 1,
        ("not_null", "order_purchase_timestamp"): 2,
        ("type", "order_id"): 1,
        ("record", None): 2,
    }
    rules = {(rule["rule"], rule["column"]): rule for rule in orders["rules"]}
    assert rules["not_null", "order_purchase_timestamp"]["pass_rate"] == pytest.approx(0.99)
    assert ("not_null", "order_approved_at") not in rules
    assert ("foreign_key", "customer_id") in rules
    assert rules["uniqueness", None]["checked"] == 200
    items = of(api, "order_items")["rules"]
    assert {"rule": "range", "column": "price", "checked": 0, "failed": 0, "pass_rate": None} in items


def test_freshness_is_the_time_of_the_newest_fact(api: Api) -> None:
    found = of(api, "orders")["freshness"]
    assert 7190 <= found["age_seconds"] <= 7300
    assert found["last_read_at"].endswith("Z")
    assert of(api, "customers")["freshness"] == {"last_read_at": None, "age_seconds": None}


def test_last_migration_has_its_reconciled_counts(api: Api) -> None:
    assert of(api, "orders")["last_migration"] == {
        "migration_id": "m1",
        "finished_at": "2020-01-02T03:04:05Z",
        "quality": 0.9,
        "read": 1000,
        "loaded": 880,
        "unchanged": 10,
        "deduplicated": 10,
        "rejected": 100,
        "source_hash": "aa",
        "target_hash": "aa",
        "reconciled": True,
    }
    assert of(api, "orders")["threshold"] == 0.9
    assert of(api, "customers")["last_migration"] is None


def test_quality_of_all_datasets_matches_the_openapi_document(api: Api) -> None:
    found = json.loads(api.get("quality").body)
    assert [item["dataset"] for item in found["data"]] == list(DATASETS)
    openapi = build()
    schema = {"$ref": "#/components/schemas/QualityReport", "components": openapi["components"]}
    Draft202012Validator(schema).validate(found)
    for path, name in (("tables", "TableList"), ("tables/orders", "TableDocument")):
        document = json.loads(api.get(path).body)
        schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
        Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("window", ["", "0d", "1000d", "5", "d", "30m", "-1d", "1e3d", "30 d"])
def test_window_is_given_in_hours_days_or_weeks(api: Api, window: str) -> None:
    (error,) = api.get("quality", f"window={window}").problem(400, "invalid-request")["errors"]
    assert error["parameter"] == "window"


def test_unknown_dataset_is_404_and_unknown_parameter_is_400(api: Api) -> None:
    api.get("quality", "dataset=x").problem(404, "unknown-dataset")
    api.get("quality", "table=orders").problem(400, "invalid-request")
    api.get("quality", key="").problem(403, "wrong-key")


def test_scores_of_the_last_day_and_the_lowest_margin_are_metrics(
    api: Api, delivered: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def emitted() -> list[dict[str, Any]]:
        watch({}, CONTEXT)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]

    scores, margins = emitted()
    assert (scores["dataset"], scores["QualityScore"]) == ("olist", [pytest.approx(1 - 3 / 150)])
    assert margins["service"] == "deliver"
    assert margins["QualityMargin"] == [pytest.approx(0.98 - 0.95)]  # sellers has too few records
    delivered.query(
        'INSERT INTO dataforge.quality_facts (source, source_id, dataset, "table", read, accepted, rejected, rules)'
        " VALUES ('batch', 'b9', 'quotes', 'tags', 100, 90, 10, '{}')"
    )
    assert emitted()[-1]["QualityMargin"] == [pytest.approx(-0.05)]


@pytest.mark.parametrize(
    ("days", "counted"), [(None, 0), (-1, 0), (0, 1), (3, 1), (KEY_ALARM_DAYS, 1), (KEY_ALARM_DAYS + 1, 0)]
)
def test_keys_that_end_soon_are_counted(
    api: Api, delivered: Database, capsys: pytest.CaptureFixture[str], days: int | None, counted: int
) -> None:
    day = None if days is None else datetime.now(UTC).date() + timedelta(days=days)
    delivered.query("TRUNCATE dataforge.key_limits")
    delivered.query(
        "INSERT INTO dataforge.key_limits (key_id, limits) VALUES ('k1', %s), ('k2', '{}')",
        KeyLimits(expires=day).model_dump_json(),
    )
    watch({}, CONTEXT)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert sum(sum(line.get("KeysEnding", [])) for line in lines) == counted
