"""Requests with a wrong path, method or key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

pytestmark = pytest.mark.usefixtures("nothing_changes")

BODY = '{"records": [{"table": "sellers", "data": {}}]}'


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/v1/records", 405, "wrong-method"),
        ("DELETE", "/v1/rejections", 405, "wrong-method"),
        ("POST", "/v1/health", 405, "wrong-method"),
        ("POST", "/v1/record", 404, "not-found"),
        ("POST", "/v1/records/1", 404, "not-found"),
        ("POST", "/V1/RECORDS", 404, "not-found"),
        ("GET", "/v1/../etc/passwd", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("GET", "", 404, "not-found"),
    ],
)
def test_unknown_paths_are_404_and_unknown_methods_are_405(
    api: Api, method: str, path: str, status: int, name: str
) -> None:
    api.request(method, path).problem(status, name)


@pytest.mark.parametrize(
    "key",
    [
        *(None, "", "x", "reader." + "r" * 40, "writer", "writer.", "writer.short", "admin." + "a" * 40),
        *("WRITER." + "w" * 40, " writer." + "w" * 40, "writer." + "w" * 40 + "\n", "writer." + "é" * 40),
    ],
)
def test_request_without_a_writer_key_is_refused(api: Api, key: str | None) -> None:
    for method, path in (("POST", "/v1/records"), ("GET", "/v1/batches"), ("GET", "/v1/rejections")):
        reply = api.request(method, path, BODY, key=key)
        reply.problem(403, "wrong-key")
    assert api.request("GET", "/v1/health", key=key).status == 200
