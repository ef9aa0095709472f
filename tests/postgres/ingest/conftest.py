"""The ingest function as API Gateway invokes it, with proxy events and a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.postgres.roles import INGEST, LOGINS
from dataforge.tables.datasets import DATASETS, get_dataset
from dataforge.tables.examples import example_row
from functions.ingest.handler import handler
from tests.gateway_events import WRITER, request_context

if TYPE_CHECKING:
    from tests.postgres.conftest import Database, Server

REGION, PASSWORD = "eu-west-1", "for the tests"
REPORT = "report"
CONTEXT = SimpleNamespace(
    function_name="ingest",
    memory_limit_in_mb=WHOLE_PROCESSOR_MEGABYTES,
    invoked_function_arn="arn:ingest",
    aws_request_id="lambda-1",
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """The response to a caller."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The JSON of the body, also of a problem."""
        return json.loads(self.text)

    @property
    def statuses(self) -> list[str]:
        """Each record's status."""
        return [result["status"] for result in self.json["results"]]

    @property
    def codes(self) -> list[list[str]]:
        """Each record's error codes."""
        return [[e["code"] for e in result.get("errors", ())] for result in self.json["results"]]

    @property
    def counts(self) -> dict[str, int]:
        """The counts of the response except those that are 0."""
        return {name: count for name, count in self.json["counts"].items() if count}

    def problem(self, status: int, name: str) -> Json:
        """The problem, after a check of RFC 9457 and that it contains no internal details."""
        assert (self.status, self.headers["Content-Type"]) == (status, "application/problem+json")
        document: Json = self.json
        assert document["type"] == f"urn:dataforge:problem:{name}"
        assert (document["status"], document["instance"]) == (status, "request-1")
        assert document["title"]
        assert document["detail"]
        assert document.keys() <= {"type", "title", "status", "detail", "instance", "errors"}
        for inside in ("psycopg", "Traceback", "SELECT", "INSERT", "127.0.0.1", ".py", "pydantic"):
            assert inside not in self.text
        return document


@dataclass(frozen=True)
class Api:
    """The function with an environment for a database."""

    database: Database

    def request(
        self,
        method: str,
        path: str,
        body: str | None = None,
        *,
        query: dict[str, str] | None = None,
        key: str | None = WRITER,
        headers: dict[str, str] | None = None,
        key_id: str = "key-1",
    ) -> Reply:
        """Send any request."""
        return self.invoke(method, path, body, query, headers or {}, key, key_id=key_id)

    def invoke(
        self,
        method: str,
        path: str,
        body: str | None,
        query: Any,
        headers: dict[str, str],
        key: str | None,
        is_base64: bool = False,
        key_id: str = "key-1",
    ) -> Reply:
        event = {
            "httpMethod": method,
            "path": path,
            "headers": headers,
            "queryStringParameters": query,
            "body": body,
            "isBase64Encoded": is_base64,
            "requestContext": request_context(key, key_id=key_id),
        }
        answer = handler(event, CONTEXT)
        return Reply(answer["statusCode"], answer["headers"], answer["body"])

    def send(
        self,
        body: str,
        *,
        content_type: str = "application/json",
        idempotency_key: str | None = None,
        key: str = WRITER,
    ) -> Reply:
        """POST a body to /v1/records."""
        headers = {"Content-Type": content_type}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return self.request("POST", "/v1/records", body, key=key, headers=headers)

    def send_base64(self, body: str) -> Reply:
        """POST a body to /v1/records in base64, as API Gateway encodes bytes."""
        headers = {"CONTENT-TYPE": "application/json"}
        return self.invoke("POST", "/v1/records", body, None, headers, WRITER, is_base64=True)

    def post(self, *records: Json, idempotency_key: str | None = None, **envelope: Any) -> Reply:
        """POST a batch."""
        return self.send(json.dumps({"records": records, **envelope}), idempotency_key=idempotency_key)

    def get(self, path: str, *, api_key: str = WRITER, api_key_id: str = "key-1", **query: str) -> Reply:
        """GET a path below /v1."""
        return self.request("GET", f"/v1/{path}", query=query or None, key=api_key, key_id=api_key_id)

    def rows(self, table: str, dataset: str = "olist") -> list[tuple[Any, ...]]:
        """The table's rows by key."""
        key = ", ".join(get_dataset(dataset).table(table).key)
        return self.database.query(f"SELECT * FROM {dataset}.{table} ORDER BY {key}")

    def count(self, relation: str) -> int:
        """The number of rows."""
        return int(self.database.query(f"SELECT count(*) FROM {relation}")[0][0])


@pytest.fixture(scope="session")
def ingest_database(server: Server, template: str) -> Iterator[Database]:
    """A database with the catalogue applied, shared by the tests of this folder."""
    shared = server.create("ingest", template)
    server.run(f"GRANT CONNECT ON DATABASE ingest TO {', '.join(LOGINS)}")
    yield shared
    shared.close()


@pytest.fixture
def database(ingest_database: Database) -> Iterator[Database]:
    """The shared database without rows. Connections of a test are closed after it."""
    ingest_database.query(_EMPTY)
    yield ingest_database
    for db in ingest_database._open:
        db.close()


_EMPTY = """
    SET lock_timeout = '20s';
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind = 'r' AND nspname IN ('olist', 'quotes', 'dataforge') AND pg_relation_size(c.oid) > 0
            AND relname <> 'cursor_keys'
        LOOP EXECUTE 'TRUNCATE ' || name || ' RESTART IDENTITY CASCADE'; END LOOP;
    END $$
"""


@pytest.fixture(scope="module")
def secret() -> Iterator[str]:
    """The secret with the function's password."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        login = json.dumps({"username": INGEST, "password": PASSWORD})
        boto3.client("secretsmanager").create_secret(Name="ingest", SecretString=login)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=REPORT)
        yield "ingest"


@pytest.fixture
def api(database: Database, secret: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The function on a database without rows."""
    for name, value in database.settings(INGEST).model_dump(include=PLACE).items():
        monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("DB_SECRET_ARN", secret)
    monkeypatch.setenv("REPORT_BUCKET", REPORT)
    return Api(database)


@pytest.fixture
def nothing_changes(api: Api) -> Iterator[None]:
    """Assert after the test that all tables of all datasets are empty and no response is stored."""
    yield
    tables = [f"{name}.{table}" for name, dataset in DATASETS.items() for table in dataset.tables]
    rows = (f"(SELECT 1 FROM {name} LIMIT 1)" for name in (*tables, "dataforge.batches"))
    assert api.database.query(" UNION ALL ".join(rows)) == []


PLACE = {"db_host", "db_port", "db_name", "db_user", "db_auth", "db_sslmode"}


@pytest.fixture(scope="session")
def sample() -> Callable[..., Json]:
    """Return a function that creates valid records of olist; ``number`` determines the keys, keywords set other values."""
    olist = DATASETS["olist"]

    def make(name: str, number: int = 1, **values: Any) -> Json:
        table = olist.table(name)
        ids = [c.name for c in table.columns if c.name.endswith("_id") and c.rule.pattern]
        names = [c.name for c in table.columns if c.name in table.key and c.rule.max_length]
        own = dict.fromkeys(ids or names, f"{number:032x}")
        return {"table": name, "data": example_row(olist, table) | own | values}

    return make
