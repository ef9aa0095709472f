"""The checks of `make smoke-aws` that need AWS services, with moto and with simulated responses."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from local.smoke_aws.exports import prove_download
from local.smoke_aws.observe import prove_log_line, prove_metric
from local.smoke_aws.refusals import prove_other_role_is_denied, prove_wrong_root_is_refused
from local.smoke_aws.until import NotProved, until

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws():
        yield boto3.Session(region_name="eu-west-1").client


class Functions:
    """A Lambda client with one function. ``reaches`` decides with which variables it reaches the database."""

    def __init__(self, reaches: Callable[[dict[str, str]], bool]) -> None:
        self.reaches = reaches
        self.client = cast("LambdaClient", self)
        self.variables = {"DB_USER": "dataforge_ingest", "DB_SSLROOTCERT": "/opt/rds.pem"}
        self.seen: list[dict[str, str]] = []

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        return {"Environment": {"Variables": dict(self.variables)}}

    def update_function_configuration(self, *, FunctionName: str, Environment: dict[str, Any]) -> None:  # noqa: N803
        self.variables = Environment["Variables"]
        self.seen.append(self.variables)

    def get_waiter(self, name: str) -> Any:
        return SimpleNamespace(wait=lambda **_: None)

    def status(self) -> int:
        return 200 if self.reaches(self.variables) else 503


def test_function_that_refuses_wrong_roots_and_other_roles_passes_and_is_restored() -> None:
    functions = Functions(
        lambda v: v["DB_USER"] == "dataforge_ingest" and v["DB_SSLROOTCERT"].startswith("/opt")
    )
    before = dict(functions.variables)
    prove_wrong_root_is_refused(functions.client, "f", functions.status)
    prove_other_role_is_denied(functions.client, "f", functions.status, "dataforge_migrate")
    assert functions.variables == before
    assert [v["DB_USER"] for v in functions.seen] == ["dataforge_ingest"] * 2 + [
        "dataforge_migrate",
        "dataforge_ingest",
    ]


def test_function_that_connects_with_any_root_or_role_fails_and_is_restored() -> None:
    functions = Functions(lambda variables: True)
    before = dict(functions.variables)
    with pytest.raises(NotProved, match="DB_SSLROOTCERT="):
        prove_wrong_root_is_refused(functions.client, "f", functions.status)
    with pytest.raises(NotProved, match="DB_USER=dataforge_migrate"):
        prove_other_role_is_denied(functions.client, "f", functions.status, "dataforge_migrate")
    assert functions.variables == before


def test_log_line_is_found_by_its_text(aws: Any) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": '{"batch_id": "b"}'}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    assert prove_log_line(logs, "g", "batch_id", 0) == event["message"]
    with pytest.raises(NotProved, match="'nothing like it' in g"):
        prove_log_line(logs, "g", "nothing like it", 0)


def test_metric_is_found_by_name_and_service(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    dimensions = [{"Name": "service", "Value": "ingest"}]
    data = {"MetricName": "RecordsAccepted", "Dimensions": dimensions, "Value": 3}
    cloudwatch.put_metric_data(Namespace="DataForge", MetricData=[data])
    assert prove_metric(cloudwatch, "RecordsAccepted", "ingest", 0) == 3
    with pytest.raises(NotProved, match="RecordsAccepted of restore"):
        prove_metric(cloudwatch, "RecordsAccepted", "restore", 0)


def test_download_is_compared_with_size_and_hash() -> None:
    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/file" else 400)
            self.end_headers()
            self.wfile.write(b"rows")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Files) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        file = {
            "name": "f",
            "size": 4,
            "sha256": hashlib.sha256(b"rows").hexdigest(),
            "rows": 2,
            "url": f"{base}/file",
        }
        assert prove_download(file) == 2
        with pytest.raises(NotProved, match="not the file"):
            prove_download(file | {"sha256": "0"})
        with pytest.raises(NotProved, match="answers 400"):
            prove_download(file | {"url": f"{base}/none"})
        server.shutdown()


def test_wait_returns_the_result_or_fails_with_the_name_of_the_missing_thing() -> None:
    answers = iter([None, "", "found"])
    assert until("x", lambda: next(answers), 10, pause=0) == "found"
    with pytest.raises(NotProved, match="no such thing: nothing was found"):
        until("no such thing", lambda: None, 0)
