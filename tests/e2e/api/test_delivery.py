"""Delivery of sent rows through the gateway: pages, exports and quality."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
import urllib3

from local.outputs import Outputs

if TYPE_CHECKING:
    from tests.e2e.api.conftest import Call, MakeCustomer


NAME = 'são "paulo" \\ \n'


@pytest.fixture(scope="module")
def sent(call: Call, keys: dict[str, str], customer: MakeCustomer) -> list[dict[str, Any]]:
    """Stored customers in key order."""
    marked = secrets.token_hex(16)
    records = [customer(customer_unique_id=marked, customer_city=f"{NAME}{n}") for n in range(30)]
    assert call("POST", "/v1/records", keys["writer"], body={"records": records}).status == 200
    return sorted((record["data"] for record in records), key=lambda row: str(row["customer_id"]))


def test_pages_contain_the_sent_rows(call: Call, keys: dict[str, str], sent: list[dict[str, Any]]) -> None:
    found, path = [], "/v1/tables/customers/records"
    query = f"?limit=7&customer_unique_id=eq.{sent[0]['customer_unique_id']}"
    while query:
        answer = call("GET", path + query, keys["reader"])
        assert answer.status == 200
        found += answer.json["data"]
        link = answer.headers.get("link", "")
        query = link[1 : link.index(">")] if link else ""
    assert found == sent


def test_request_without_an_accept_header_gets_json(cloud: Outputs, sent: Any) -> None:
    address = urlsplit(cloud["api_url"])
    connection = http.client.HTTPConnection(address.netloc, timeout=40)
    connection.putrequest("GET", address.path + "/v1/tables/customers/records", skip_accept_encoding=True)
    connection.putheader("x-api-key", cloud["reader_key"])
    connection.endheaders()
    assert json.loads(connection.getresponse().read())["data"]
    connection.close()


def test_page_is_compressed_and_an_unchanged_one_is_304(
    call: Call, keys: dict[str, str], cloud: Outputs, sent: Any
) -> None:
    headers = {"x-api-key": keys["reader"], "accept": "*/*", "accept-encoding": "gzip"}
    url = f"{cloud['api_url']}/v1/tables/customers/records?customer_unique_id=eq.{sent[0]['customer_unique_id']}"
    answer = urllib3.request("GET", url, headers=headers, decode_content=False)
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.data))["data"] == sent
    again = urllib3.request("GET", url, headers={**headers, "if-none-match": answer.headers["etag"]})
    assert (again.status, again.data) == (304, b"")


def test_sent_records_count_for_the_quality(call: Call, keys: dict[str, str], sent: Any) -> None:
    (olist,) = call("GET", "/v1/quality?dataset=olist&window=1h", keys["reader"]).json["data"]
    (customers,) = (table for table in olist["tables"] if table["table"] == "customers")
    assert customers["window"]["read"] >= 30
    assert customers["freshness"]["age_seconds"] < 3600


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_exported_table_is_downloaded_without_a_key(
    call: Call, keys: dict[str, str], sent: list[dict[str, Any]], form: str
) -> None:
    started = call("POST", "/v1/exports", keys["reader"], body={"table": "customers", "format": form})
    assert started.status == 202
    run = _finished(lambda: call("GET", started.headers["location"], keys["reader"]).json)
    assert run["status"] == "succeeded", run
    (file,) = run["output"]["files"]
    data = urllib3.request("GET", file["url"]).data
    assert (len(data), run["output"]["rows"]) == (file["size"], file["rows"])
    rows = (
        pq.read_table(io.BytesIO(data)).to_pylist()
        if form == "parquet"
        else [json.loads(line) for line in data.split(b"\n")[:-1]]
    )
    ours = [row for row in rows if row["customer_unique_id"] == sent[0]["customer_unique_id"]]
    assert sorted(ours, key=lambda row: str(row["customer_id"])) == sent


def _finished(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Wait for the end of the run and return it."""
    end = time.monotonic() + 120
    while (run := ask())["status"] == "running":
        assert time.monotonic() < end, run
        time.sleep(0.2)
    return run
