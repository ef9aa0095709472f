"""Idempotency keys: a retry returns the first answer and stores nothing twice."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.http.access import owner_of
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import INGEST
from functions.ingest import ledger

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
WRITER, OTHER = "writer." + "k" * 40, "operator." + "o" * 40


def test_retry_gets_the_first_answer_byte_for_byte(api: Api, sample: Sample) -> None:
    records = [sample("customers"), sample("orders", 7)]
    first = api.post(*records, idempotency_key="one")
    assert first.statuses == ["inserted", "rejected"]
    again = api.post(*records, idempotency_key="one")
    assert (again.status, again.text) == (first.status, first.text)
    assert api.count("dataforge.rejections") == 1
    assert api.get("batches", idempotency_key="one").text == first.text


@pytest.mark.parametrize(
    ("state", "mode", "status"), [("SP", "partial", 200), ("?", "partial", 422), ("?", "atomic", 422)]
)
def test_every_answer_to_a_batch_is_stored(
    api: Api, sample: Sample, state: str, mode: str, status: int
) -> None:
    first, second = (
        api.post(sample("customers", customer_state=state), mode=mode, idempotency_key="k") for _ in "12"
    )
    assert (first.status, first.text) == (second.status, second.text)
    assert first.status == status
    stored = api.get("batches", idempotency_key="k")
    assert (stored.status, stored.text) == (200, first.text)


def test_only_a_replayed_answer_has_the_replayed_header(api: Api, sample: Sample) -> None:
    first, second = (api.post(sample("customers"), idempotency_key="one") for _ in "12")
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers == first.headers | {"Idempotent-Replayed": "true"}
    assert "Idempotent-Replayed" not in api.get("batches", idempotency_key="one").headers


def test_compressed_retry_is_the_same_request(api: Api, sample: Sample) -> None:
    body = json.dumps({"records": [sample("customers")]})
    first = api.send(body, idempotency_key="one")
    headers = {"content-encoding": "gzip", "content-type": "application/json", "idempotency-key": "one"}
    packed = base64.b64encode(gzip.compress(body.encode())).decode()
    second = api.invoke("POST", "/v1/records", packed, None, headers, WRITER, is_base64=True)
    assert (second.status, second.text) == (200, first.text)
    assert second.headers["Idempotent-Replayed"] == "true"
    headers["content-encoding"] = "br"
    refused = api.invoke("POST", "/v1/records", packed, None, headers, WRITER, is_base64=True)
    refused.problem(415, "wrong-content-encoding")


def test_another_body_under_a_used_key_is_refused(api: Api, sample: Sample) -> None:
    api.post(sample("customers"), idempotency_key="one")
    reply = api.post(sample("customers", 2), idempotency_key="one")
    assert (reply.status, reply.json["type"]) == (422, "urn:dataforge:problem:key-reused")
    assert api.post(sample("customers"), mode="dry_run", idempotency_key="one").status == 422
    assert api.count("olist.customers") == 1


def test_idempotency_keys_are_separate_per_api_key(api: Api, sample: Sample) -> None:
    first = api.post(sample("customers"), idempotency_key="one")
    assert api.request("GET", "/v1/batches", query={"idempotency_key": "one"}, key=OTHER).status == 404
    body = '{"records": [{"table": "customers", "data": {}}]}'
    reply = api.send(body, idempotency_key="one", key=OTHER)
    assert (reply.status, first.status) == (422, 200)
    assert reply.codes == [["missing"] * 5]


def test_no_api_key_is_stored(api: Api, sample: Sample) -> None:
    api.post(sample("customers", customer_state="?"), idempotency_key="one")
    for table in ("batches", "rejections"):
        assert WRITER not in str(api.database.query(f"SELECT * FROM dataforge.{table}"))


def test_key_is_free_again_after_a_day(api: Api, sample: Sample) -> None:
    first = api.post(sample("customers"), idempotency_key="one")
    api.database.query("UPDATE dataforge.batches SET created_at = now() - interval '24 hours 1 second'")
    assert api.get("batches", idempotency_key="one").status == 404
    again = api.post(sample("customers"), sample("customers", 2), idempotency_key="one")
    assert again.statuses == ["unchanged", "inserted"]
    assert again.json["batch_id"] > first.json["batch_id"]
    assert api.get("batches", idempotency_key="one").text == again.text


def test_expired_answers_are_deleted_in_portions(api: Api, sample: Sample) -> None:
    api.database.query(
        "INSERT INTO dataforge.batches SELECT 'old-' || n, '', 'key-' || n, '', 200, '', now() - interval '2 days'"
        " FROM generate_series(1, 150) n"
    )
    for expected in (51, 2, 3):
        api.post(sample("customers", expected), idempotency_key=f"new-{expected}")
        assert api.count("dataforge.batches") == expected


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\n", "\x7f"])
def test_invalid_key_is_refused(api: Api, sample: Sample, key: str) -> None:
    reply = api.post(sample("customers"), idempotency_key=key)
    assert (reply.status, reply.json["title"]) == (400, "Invalid request")
    assert api.get("batches", idempotency_key=key).status == 400
    assert api.count("olist.customers") == 0


def test_key_of_255_visible_characters_is_accepted(api: Api, sample: Sample) -> None:
    key = ("".join(map(chr, range(0x21, 0x7F))) * 3)[:255]
    assert api.post(sample("customers"), idempotency_key=key).status == 200
    assert api.get("batches", idempotency_key=key).status == 200


def test_invalid_envelope_does_not_use_its_key(api: Api, sample: Sample) -> None:
    assert api.post(idempotency_key="one").status == 400
    assert api.post(sample("customers"), idempotency_key="one").status == 200


@pytest.mark.parametrize("query", [{}, {"idempotency_key": "a", "x": "1"}, {"key": "a"}])
def test_lookup_requires_exactly_one_parameter(api: Api, query: dict[str, str]) -> None:
    assert api.get("batches", **query).status == 400


def test_rows_and_answer_are_written_by_one_transaction(api: Api, sample: Sample) -> None:
    api.post(sample("customers"), sample("orders", 5), idempotency_key="one")
    relations = ("olist.customers", "dataforge.batches", "dataforge.rejections")
    writers = {api.database.query(f"SELECT xmin::text FROM {relation}")[0][0] for relation in relations}
    assert len(writers) == 1


def test_request_is_refused_while_the_first_with_its_key_runs(api: Api, sample: Sample) -> None:
    body = '{"records": [{"table": "authors", "data": {"name": "Ana"}}], "dataset": "quotes"}'
    owner = api.database.connect(INGEST)
    claim = ledger.Claim.of(owner_of(WRITER), "one", body.encode())
    origin = ledger.Origin("key-1", "quotes", ["authors"])
    with transaction(owner) as cursor:
        assert ledger.take_claim(cursor, ledger.new_batch_id(), claim, origin) is None
        reply = api.send(body, idempotency_key="one")
        assert (reply.status, reply.json["type"]) == (409, "urn:dataforge:problem:still-running")
        assert api.get("batches", idempotency_key="one").status == 404
        owner.rollback()
    assert api.send(body, idempotency_key="one").status == 200
