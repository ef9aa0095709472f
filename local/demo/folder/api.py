"""Requests to the HTTP API of the embedded cloud."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from dataforge.tables.catalogue import Table
from local.demo.steps import Failed
from local.outputs import Outputs

_POOL = urllib3.PoolManager(timeout=60)
PAGE = 1000


def read_page(
    outputs: Outputs, table: Table, *, limit: int = PAGE, cursor: str = ""
) -> tuple[list[str], str]:
    """The rows of a page, each as the JSON text that the API wrote, and the cursor of the next page or an empty text."""
    given = {"dataset": table.dataset, "limit": limit} | ({"cursor": cursor} if cursor else {})
    path = f"/v1/tables/{quote(table.name)}/records?{urlencode(given)}"
    answer = _ask(outputs, "GET", path, {"accept": "application/x-ndjson"})
    target = answer.headers.get("Link", "").partition(">")[0]
    following = target.rpartition("cursor=")[2].partition("&")[0] if "cursor=" in target else ""
    return answer.data.decode().splitlines(), following


def send(outputs: Outputs, dataset: str, records: list[tuple[str, str]]) -> dict[str, Any]:
    """Send a batch of (table, JSON text of a row). Returns the answer, also if records were rejected."""
    listed = ", ".join(f'{{"table": {json.dumps(table)}, "data": {data}}}' for table, data in records)
    body = f'{{"dataset": {json.dumps(dataset)}, "records": [{listed}]}}'
    answer: dict[str, Any] = _ask(outputs, "POST", "/v1/records", {}, body.encode()).json()
    return answer


def _ask(
    outputs: Outputs, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> urllib3.BaseHTTPResponse:
    common = {"x-api-key": outputs["api_key"], "content-type": "application/json"}
    answer = _POOL.request(method, outputs["api_url"] + path, headers=common | headers, body=body)
    if answer.status not in {200, 207, 422} or (method == "GET" and answer.status != 200):
        raise Failed(f"{method} {path} returned {answer.status}: {answer.data.decode()}")
    return answer
