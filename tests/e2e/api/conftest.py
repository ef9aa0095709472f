"""Requests to the deployed HTTP API."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from local.outputs import Outputs


@dataclass(frozen=True)
class Answer:
    """An HTTP response; header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """The status and the type of a problem document."""
        assert self.headers["content-type"] == "application/problem+json", self
        result = self.json
        assert result["status"] == self.status
        assert all(isinstance(result[name], str) and result[name] for name in ("title", "detail", "instance"))
        return self.status, result["type"].removeprefix("urn:dataforge:problem:")


Call = Callable[..., Answer]
MakeCustomer = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def call(cloud: Outputs) -> Call:
    """``call("GET", "/v1/health", key="", headers={}, body=b"")``; a body that is an object is sent as JSON."""
    pool = urllib3.PoolManager(maxsize=20, retries=False, timeout=40)

    def request(
        method: str, path: str, key: str = "", headers: Mapping[str, str] = {}, body: Any = None
    ) -> Answer:
        sent = {**({"x-api-key": key} if key else {}), **headers}
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {"content-type": "application/json", **sent}
        answer = pool.request(method, cloud["api_url"] + path, headers=sent, body=body)
        return Answer(answer.status, answer.headers, answer.data)

    return request


@pytest.fixture(scope="session")
def keys(cloud: Outputs) -> dict[str, str]:
    """Kind -> key; "none" has no key."""
    return {
        "operator": cloud["api_key"],
        "writer": cloud["writer_key"],
        "reader": cloud["reader_key"],
        "none": "",
    }


@pytest.fixture(scope="session")
def customer() -> MakeCustomer:
    """Return a function that creates a unique record; keywords change its data."""

    def make(**changes: Any) -> dict[str, Any]:
        data = {
            "customer_id": secrets.token_hex(16),
            "customer_unique_id": secrets.token_hex(16),
            "customer_zip_code_prefix": "01310",
            "customer_city": "são paulo",
            "customer_state": "SP",
        }
        return {"table": "customers", "data": {**data, **changes}}

    return make
