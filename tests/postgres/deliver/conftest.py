"""The deliver function as API Gateway invokes it, with a real PostgreSQL and tables of known rows."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws

from dataforge.postgres.roles import DELIVER
from functions.deliver.handler import handler
from tests.gateway_events import request_context

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

READER = "reader." + "k" * 40
CONTEXT = SimpleNamespace(
    function_name="deliver", memory_limit_in_mb=1024, invoked_function_arn="arn:deliver", aws_request_id="1"
)
PLACE = {"db_host", "db_port", "db_name", "db_user", "db_auth", "db_sslmode"}


@dataclass(frozen=True)
class Reply:
    """The response to a caller; ``body`` is decoded according to its headers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The JSON of the body; decimals are texts with their scale."""
        return json.loads(self.body, parse_float=str)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the page."""
        assert self.status == 200, self.body
        found: list[dict[str, Any]] = self.json["data"]
        return found

    def problem(self, status: int, name: str) -> dict[str, Any]:
        """The problem, after a check that it contains no internal details."""
        assert (self.status, self.headers["Content-Type"]) == (status, "application/problem+json"), self.body
        document: dict[str, Any] = self.json
        assert document["type"] == f"urn:dataforge:problem:{name}"
        for inside in (b"psycopg", b"Traceback", b"SELECT", b"127.0.0.1", b".py", b"pydantic"):
            assert inside not in self.body
        return document


@dataclass(frozen=True)
class Api:
    """The function with an environment for a database."""

    database: Database

    def get(
        self, path: str, query: str = "", *, key: str = READER, key_id: str = "key-1", **headers: str
    ) -> Reply:
        """GET a path below /v1; ``query`` is URL-encoded."""
        event = {
            "httpMethod": "GET",
            "path": f"/v1/{path}",
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
            "requestContext": request_context(key, key_id=key_id),
        }
        answer = handler(event, CONTEXT)
        body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        if answer["headers"].get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return Reply(answer["statusCode"], answer["headers"], body)

    def records(self, table: str, query: str = "", **headers: str) -> Reply:
        """A page of a table."""
        return self.get(f"tables/{table}/records", query, **headers)

    def walk(self, table: str, query: str = "") -> Iterator[list[dict[str, Any]]]:
        """All pages of a table in order."""
        reply = self.records(table, query)
        yield reply.rows
        while reply.json["next_cursor"]:
            link = reply.headers["Link"]
            assert link.startswith("<?")
            assert link.endswith('>; rel="next"')
            reply = self.records(table, link[2 : link.index(">")])
            yield reply.rows
        assert "Link" not in reply.headers


@pytest.fixture(scope="module")
def delivered(module_database: Database) -> Database:
    """A database with the catalogue applied, shared by the tests of a module."""
    return module_database


@pytest.fixture(scope="module")
def api(delivered: Database) -> Iterator[Api]:
    """The function on the shared database."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DB_SECRET_ARN"):
            environment.setenv(name, "deliver")
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        login = json.dumps({"username": DELIVER, "password": "for the tests"})
        boto3.client("secretsmanager").create_secret(Name="deliver", SecretString=login)
        for name, value in delivered.settings(DELIVER).model_dump(include=PLACE).items():
            environment.setenv(name.upper(), str(value))
        yield Api(delivered)
