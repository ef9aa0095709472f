"""Limits of keys at batches and rejections, and the rejections that a writer's key may read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.key_limits import KeyLimits
from tests.gateway_events import OPERATOR, WRITER

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api, Reply

Sample = Callable[..., dict[str, Any]]
CUSTOMERS = KeyLimits(datasets={"olist": ("customers",)})
MIGRATED = (
    'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id, file, line, "offset")'
    " VALUES ('olist', 'orders', '\"secret\"', '[]', 'm1', 'f.csv', 7, 99)"
)


def limited(api: Api, limits: KeyLimits) -> str:
    """The id of a key with these limits, which no process has cached."""
    key_id = secrets.token_hex(5)
    api.database.query(
        "INSERT INTO dataforge.key_limits (key_id, limits) VALUES (%s, %s)", key_id, limits.model_dump_json()
    )
    return key_id


def send(api: Api, key_id: str, *records: Any, key: str = WRITER, name: str = "", **envelope: Any) -> Reply:
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": name} if name else {})
    body = json.dumps({"records": records, **envelope})
    return api.request("POST", "/v1/records", body, headers=headers, key_id=key_id, key=key)


def listed(api: Api, key_id: str, key: str = WRITER, **query: str) -> list[Mapping[str, Any]]:
    reply = api.get("rejections", api_key=key, api_key_id=key_id, **query)
    assert reply.status == 200, reply.text
    found: list[Mapping[str, Any]] = reply.json["data"]
    return found


def test_batch_of_the_allowed_tables_is_stored(api: Api, sample: Sample) -> None:
    assert send(api, limited(api, CUSTOMERS), sample("customers")).status == 200


@pytest.mark.parametrize("table", ["sellers", "no_such_table"])
@pytest.mark.usefixtures("nothing_changes")
def test_batch_with_one_other_table_is_refused_whole(api: Api, sample: Sample, table: str) -> None:
    reply = send(api, limited(api, CUSTOMERS), sample("customers"), {"table": table, "data": {}}, name="one")
    assert f"'olist.{table}'" in reply.problem(403, "outside-limits")["detail"]
    assert api.count("dataforge.rejections") == 0


@pytest.mark.parametrize("dataset", ["quotes", "no_such_dataset"])
@pytest.mark.usefixtures("nothing_changes")
def test_other_dataset_is_refused_alike_whether_it_exists(api: Api, dataset: str) -> None:
    record = {"table": "customers", "data": {}}
    detail = send(api, limited(api, CUSTOMERS), record, dataset=dataset).problem(403, "outside-limits")[
        "detail"
    ]
    assert detail.replace(dataset, "X") == detail.replace(dataset, "X", 1)


def test_writer_reads_the_rejections_of_records_that_its_key_sent(api: Api, sample: Sample) -> None:
    api.database.query(MIGRATED)
    send(api, "alpha", sample("orders", 1))
    send(api, "beta", sample("orders", 2))
    (alpha,) = listed(api, "alpha")
    assert alpha["raw"]["order_id"] == f"{1:032x}"
    assert [item["raw"]["order_id"] for item in listed(api, "beta")] == [f"{2:032x}"]
    assert listed(api, "gamma") == []
    assert listed(api, "beta", batch_id=alpha["source"]["batch_id"]) == []
    assert listed(api, "beta", migration_id="m1") == []


def test_operator_reads_all_rejections(api: Api, sample: Sample) -> None:
    api.database.query(MIGRATED)
    send(api, "alpha", sample("orders", 1))
    assert [item["table"] for item in listed(api, "omega", OPERATOR)] == ["orders", "orders"]


def test_rejection_from_before_the_upgrade_belongs_to_no_key(api: Api, sample: Sample) -> None:
    send(api, "alpha", sample("orders", 1))
    api.database.query("UPDATE dataforge.rejections SET key_id = NULL")
    assert (listed(api, "alpha"), len(listed(api, "omega", OPERATOR))) == ([], 1)


def test_cursor_of_one_key_is_invalid_for_another(api: Api, sample: Sample) -> None:
    for key_id in ("alpha", "alpha", "beta"):
        send(api, key_id, sample("orders", 1))
    page = api.get("rejections", api_key_id="alpha", limit="1").json
    assert len(page["data"]) == 1
    other = api.get("rejections", api_key_id="beta", limit="1", cursor=page["next_cursor"])
    assert other.status == 400


def test_limits_hide_rejections_of_other_tables(api: Api, sample: Sample) -> None:
    api.database.query(MIGRATED)
    send(api, "alpha", sample("customers", customer_state="?"), sample("orders", 1))
    operator = limited(api, CUSTOMERS)
    assert [item["table"] for item in listed(api, operator, OPERATOR)] == ["customers"]
    everything = limited(api, KeyLimits(datasets={"olist": None}))
    assert len(listed(api, everything, OPERATOR)) == 3
    assert listed(api, limited(api, KeyLimits(datasets={"quotes": None})), OPERATOR) == []


@pytest.mark.parametrize("query", [{"dataset": "quotes"}, {"dataset": "olist", "table": "orders"}])
def test_filter_by_another_table_is_refused(api: Api, query: dict[str, str]) -> None:
    reply = api.get("rejections", api_key=OPERATOR, api_key_id=limited(api, CUSTOMERS), **query)
    reply.problem(403, "outside-limits")


def test_stored_answer_about_another_table_is_refused(api: Api, sample: Sample) -> None:
    key_id = limited(api, KeyLimits())
    send(api, key_id, sample("orders", 1), name="one")
    assert api.get("batches", api_key_id=key_id, idempotency_key="one").status == 200
    for before in (False, True):
        if before:
            api.database.query('UPDATE dataforge.batches SET dataset = NULL, "tables" = NULL')
        narrow = limited(api, CUSTOMERS)
        reply = api.get("batches", api_key_id=narrow, idempotency_key="one")
        reply.problem(403, "outside-limits")
    assert api.get("batches", api_key_id=key_id, idempotency_key="one").status == 200


def test_batch_and_its_rejections_have_the_id_of_the_key(api: Api, sample: Sample) -> None:
    send(api, "alpha", sample("orders", 1), name="one")
    for relation in ("batches", "rejections"):
        assert api.database.query(f"SELECT key_id FROM dataforge.{relation}") == [("alpha",)]
    assert api.database.query('SELECT dataset, "tables" FROM dataforge.batches') == [("olist", ["orders"])]
