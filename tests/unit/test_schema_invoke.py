"""The schema keeper invokes the applier once, however slow it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from functions.schema.handler import once


class Applier(BaseHTTPRequestHandler):
    """Lambda's API: it counts invocations and fails each with its own fault, which boto3 would retry by default."""

    count = 0

    def do_POST(self) -> None:
        type(self).count += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def applier(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Applier]]:
    """The counting server as this process's AWS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Applier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    Applier.count = 0
    yield Applier
    server.shutdown()
    server.server_close()


def test_failed_invocation_is_not_repeated(applier: type[Applier]) -> None:
    with pytest.raises(ClientError):
        once(720).invoke(FunctionName="apply", Payload=b"{}")
    assert applier.count == 1


@pytest.mark.usefixtures("applier")
def test_client_waits_longer_than_the_function_may_run() -> None:
    config = once(720).meta.config
    assert config.read_timeout > 720
    assert config.retries["total_max_attempts"] == 1
