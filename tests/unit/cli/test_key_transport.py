"""The API key is sent over TLS, or to this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dataforge_cli.aws.api import Api, InsecureUrl, find_api, protects_key
from dataforge_cli.call import Call
from dataforge_cli.main import app
from dataforge_cli.output.screen import Screen

KEY = "writer." + "k" * 48


@pytest.mark.parametrize(
    "url",
    [
        "https://abc.execute-api.eu-west-1.amazonaws.com/live",
        "HTTPS://example.com",
        "https://10.0.0.1:8443",
        "http://localhost:4850/live",
        "http://LOCALHOST",
        "http://127.0.0.1:4850/_aws/execute-api/abc/live",
        "http://127.9.9.9",
        "http://[::1]:4850",
        # For the client a backslash ends the host.
        "http://127.0.0.1\\@example.com",
    ],
)
def test_key_is_protected_by_tls_or_stays_on_this_machine(url: str) -> None:
    assert protects_key(url)


UNPROTECTED = [
    "http://example.com",
    "http://10.0.0.1",
    "http://192.168.1.1:4850",
    "http://0.0.0.0",
    "http://[::]",
    "http://169.254.169.254",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1@example.com",
    "http://localhost:80@example.com",
    "http://example.com#127.0.0.1",
    "http://example.com?@127.0.0.1",
    "http://2130706433",
    "example.com",
    "localhost",
    "//localhost",
    "ftp://localhost",
    "http://",
    "http://[::1",
    "http://localhost:port",
    "",
]


@pytest.mark.parametrize("url", UNPROTECTED)
def test_key_is_not_sent_unencrypted_to_another_machine(url: str) -> None:
    assert not protects_key(url)


@given(st.text())
def test_any_text_is_decided(text: str) -> None:
    protects_key(text)
    assert not protects_key(f"http://{text}.example.com")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_API_URL", "http://192.0.2.1/live")
    monkeypatch.setenv("DATAFORGE_API_KEY", KEY)


@pytest.mark.usefixtures("environment")
def test_ingest_refuses_an_unencrypted_address_before_it_connects(tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text('{"table": "orders", "data": {}}\n')
    result = CliRunner().invoke(app, ["ingest", str(file), "--json"])
    document = json.loads(result.stdout)
    assert (result.exit_code, document["error"]) == (2, "InsecureUrl")
    assert "--allow-http" in document["cause"]
    assert KEY not in result.output


@pytest.mark.usefixtures("environment")
def test_option_permits_an_unencrypted_address() -> None:
    call = Call(Screen(), None, None)
    with pytest.raises(InsecureUrl):
        find_api(call)
    assert isinstance(find_api(call, allow_http=True), Api)
