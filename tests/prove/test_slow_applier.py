"""An applier that takes 70 seconds, longer than boto3's default read time-out, is invoked exactly once."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from functions.schema.handler import invoker

SECONDS = 70


class SlowApplier(BaseHTTPRequestHandler):
    """Lambda's API with one slow function."""

    count = 0

    def do_POST(self) -> None:
        type(self).count += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(SECONDS)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_applier_of_70_seconds_is_invoked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowApplier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    try:
        answer = invoker(720).invoke(FunctionName="apply", Payload=b"{}")
        assert answer["Payload"].read() == b"{}"
        assert SlowApplier.count == 1
    finally:
        server.shutdown()
        server.server_close()
