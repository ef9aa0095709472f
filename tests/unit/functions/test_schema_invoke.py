"""The schema deployer invokes the applier once, however slow it is, and starts the upkeep after it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from dataforge.errors import SchemaRefused
from functions.schema.handler import call_applier, invoker


class Cloud(BaseHTTPRequestHandler):
    """Secrets Manager, Lambda and Step Functions for the schema deployer."""

    started: ClassVar[list[str]] = []
    applied: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        target = self.headers.get("X-Amz-Target", "")
        answer: dict[str, Any] = self.applied
        if target.endswith("GetSecretValue"):
            answer = {"SecretString": json.dumps({"username": "master", "password": "secret"})}
        elif target.endswith("StartExecution"):
            self.started.append(body["stateMachineArn"])
            answer = {"executionArn": "arn", "startDate": 0}
        data = json.dumps(answer).encode()
        self.send_response(200)
        if "errorType" in answer:
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Applier(BaseHTTPRequestHandler):
    """Lambda's API. It counts invocations and fails each with an error that boto3 retries by default."""

    count = 0

    def do_POST(self) -> None:
        type(self).count += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start a server and use it as the AWS of this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def applier(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Applier]]:
    """The counting server, used as the AWS of this process."""
    Applier.count = 0
    with serving(Applier, monkeypatch):
        yield Applier


@pytest.fixture(autouse=True)
def deployer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the schema deployer."""
    for name in ("MASTER_SECRET_ARN", "APPLY_FUNCTION"):
        monkeypatch.setenv(name, "name")
    monkeypatch.setenv("UPKEEP_ARN", "arn:aws:states:machine")


@pytest.mark.parametrize(
    ("applied", "started"),
    [
        ({"changes": [], "later": ["index shop.items.items_kind_idx"]}, ["arn:aws:states:machine"]),
        ({"changes": []}, []),
    ],
)
def test_upkeep_starts_when_an_apply_postpones_work(
    monkeypatch: pytest.MonkeyPatch, applied: dict[str, Any], started: list[str]
) -> None:
    monkeypatch.setattr(Cloud, "started", [])
    monkeypatch.setattr(Cloud, "applied", applied)
    with serving(Cloud, monkeypatch):
        assert call_applier("apply") == applied
    assert Cloud.started == started


@pytest.mark.parametrize(
    ("kind", "message", "words"),
    [
        ("SchemaRefused", "shop.items is not a table.", "^shop.items is not a table.$"),
        ("Runtime.ExitError", "RequestId: 1 Error: Runtime exited", r"\(FunctionDied\).*deploy again"),
        ("Sandbox.Timedout", "RequestId: 1 Error: Task timed out", r"\(FunctionTimedOut\).*deploy again"),
        ("KeyError", "'secret'", "failed with KeyError, which is a defect"),
    ],
)
def test_failure_of_the_applier_is_reported_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, kind: str, message: str, words: str
) -> None:
    monkeypatch.setattr(Cloud, "applied", {"errorType": kind, "errorMessage": message})
    with serving(Cloud, monkeypatch), pytest.raises(SchemaRefused, match=words):
        call_applier("apply")


def test_failed_invocation_is_not_repeated(applier: type[Applier]) -> None:
    with pytest.raises(ClientError):
        invoker(720).invoke(FunctionName="apply", Payload=b"{}")
    assert applier.count == 1


@pytest.mark.usefixtures("applier")
def test_read_time_out_of_the_client_exceeds_the_time_out_of_the_function() -> None:
    config = invoker(720).meta.config
    assert config.read_timeout > 720
    assert config.retries["total_max_attempts"] == 1
