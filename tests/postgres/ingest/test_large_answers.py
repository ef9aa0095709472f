"""Responses at Lambda's size limit are shortened and marked, and contain every status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dataforge.http.sizes import PAYLOAD_BYTES
from tests.gateway_events import OPERATOR

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

HOSTILE = ("x", '"', "\\", "é", "\x01", "😀")


@pytest.mark.parametrize("letter", HOSTILE)
def test_page_of_any_rejections_fits_into_a_lambda_response(api: Api, letter: str) -> None:
    raw = json.dumps(letter * (2**20 // len(letter.encode())), ensure_ascii=False)
    api.database.query(
        'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id, file, line, "offset")'
        " SELECT 'olist', 'orders', %s::jsonb, '[{\"code\": \"missing\", \"message\": \"m\"}]', 'm', 'f', n, 0"
        " FROM generate_series(1, 4) n",
        raw,
    )
    found, query = [], {"limit": "1000"}
    while True:
        reply = api.get("rejections", api_key=OPERATOR, **query)
        assert len(json.dumps({"body": reply.text, "headers": reply.headers})) < PAYLOAD_BYTES
        found += reply.json["data"]
        if reply.json["next_cursor"] is None:
            break
        query["cursor"] = reply.json["next_cursor"]
    assert [item["id"] for item in found] == [1, 2, 3, 4]
    for item in found:
        assert json.loads(raw).startswith(item["raw"])
        assert item.get("cut", False) == (item["raw"] != json.loads(raw))


def test_rejection_with_too_many_errors_is_truncated_and_marked(api: Api) -> None:
    api.database.query(
        'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index)'
        " SELECT 'olist', 'orders', '{\"order_id\": 1}', jsonb_agg(jsonb_build_object("
        " 'code', 'unknown_column', 'message', repeat('é', 1000))), 'b', 0 FROM generate_series(1, 2000)"
    )
    (item,) = api.get("rejections", api_key=OPERATOR).json["data"]
    assert (item["cut"], len(item["errors"])) == (True, 100)


def test_batch_answer_has_every_status_and_omits_errors_beyond_the_limit(api: Api) -> None:
    data = {f"{number:x}" + "é" * 900: 0 for number in range(40)}
    body = json.dumps({"records": [{"table": "orders", "data": data}] * 50}, ensure_ascii=False)
    reply = api.send(body, idempotency_key="large")
    assert len(json.dumps({"body": reply.text, "headers": reply.headers})) < PAYLOAD_BYTES
    assert (reply.status, reply.counts) == (422, {"received": 50, "rejected": 50})
    for result in reply.json["results"]:
        assert (result["status"], len(result["errors"]) + result.get("more_errors", 0)) == ("rejected", 45)
        assert result["errors"]
    assert api.count("dataforge.rejections") == 50
    assert api.get("batches", idempotency_key="large").text == reply.text


@pytest.mark.parametrize("letter", HOSTILE)
def test_unknown_column_name_of_megabytes_fits_into_the_answer(api: Api, letter: str) -> None:
    body = json.dumps({"records": [{"table": "orders", "data": {letter * 600_000: 0}}]}, ensure_ascii=False)
    reply = api.send(body)
    assert reply.statuses == ["rejected"]
    assert len(json.dumps({"body": reply.text, "headers": reply.headers})) < PAYLOAD_BYTES
    assert "unknown_column" in reply.codes[0]
