"""Clients of AWS: time-outs, retries and addressing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dataforge.aws.clients import (
    CALLER,
    COMMAND_LINE,
    THIS_MACHINE,
    WORKER,
    Access,
    embedded_session,
    invoking,
    make_client,
)
from local.config import ROOT

CODE = ("bench", "cli", "functions", "infra", "layers/common/python", "local")
HOME = ROOT / "layers/common/python/dataforge/aws/clients.py"
MAKERS = {"client", "resource", "Session", "create_client", "get_session", "setup_default_session"}
# A token for rds-db is signed without a client.
ALLOWED = {(ROOT / "layers/common/python/dataforge/postgres/credentials.py", "get_session")}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def presigned_host(region: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    place = {"Bucket": "report", "Key": "exports/orders.csv"}
    return urlsplit(make_client("s3", CALLER).generate_presigned_url("get_object", Params=place)).netloc


@pytest.mark.parametrize("region", ["us-east-1", "eu-south-2", "ap-southeast-4", "me-central-1"])
def test_presigned_host_names_bucket_and_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert presigned_host(region, monkeypatch) == f"report.s3.{region}.amazonaws.com"


def test_presigned_path_names_bucket_at_the_embedded_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    place = {"Bucket": "report", "Key": "exports/orders.csv"}
    url = urlsplit(make_client("s3", CALLER).generate_presigned_url("get_object", Params=place))
    assert (url.netloc, url.path) == ("127.0.0.1:4566", "/report/exports/orders.csv")


def test_client_of_a_session_has_the_same_addressing_as_a_client_of_the_environment() -> None:
    outputs = {"region": "eu-south-2", "aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = make_client("s3", COMMAND_LINE, Access(embedded_session(outputs)))
    url = client.generate_presigned_url("get_object", Params={"Bucket": "report", "Key": "k"})
    assert urlsplit(url).netloc == "report.s3.eu-south-2.amazonaws.com"


@pytest.mark.parametrize("config", [WORKER, CALLER, COMMAND_LINE, THIS_MACHINE, invoking(60)])
def test_every_configuration_sets_time_outs_and_attempts(config: Any) -> None:
    given = config._user_provided_options
    assert {"connect_timeout", "read_timeout", "retries"} <= set(given)
    assert given["retries"]["mode"] == "standard"


def test_request_is_answered_before_the_time_out_of_api_gateway() -> None:
    caller: Any = CALLER
    given = caller._user_provided_options
    assert given["read_timeout"] * given["retries"]["total_max_attempts"] < 29


def test_synchronous_invocation_is_sent_once() -> None:
    config: Any = invoking(750)
    given = config._user_provided_options
    assert (given["read_timeout"], given["retries"]["total_max_attempts"]) == (750, 1)


def makers(path: Path) -> Iterator[str]:
    """Calls of boto3 or botocore that create a client, a resource or a session."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS:
            names = {found.id for found in ast.walk(node.func) if isinstance(found, ast.Name)}
            if names & {"boto3", "botocore", "session", "core"}:
                yield node.func.attr


def test_no_other_module_creates_a_client() -> None:
    files = [path for folder in CODE for path in (ROOT / folder).rglob("*.py") if path != HOME]
    found = {(path, name) for path in files for name in makers(path)} - ALLOWED
    assert len(files) > 100
    assert not found


def test_modules_that_create_clients_are_detected(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import boto3\nboto3.client('s3')\nboto3.Session().resource('s3')\n")
    assert set(makers(file)) == {"client", "Session", "resource"}


def test_import_of_the_module_loads_neither_boto3_nor_a_model() -> None:
    code = "import sys, dataforge.aws.clients; sys.exit('boto3' in sys.modules)"
    path = {"PYTHONPATH": str(ROOT / "layers/common/python"), "PATH": "/usr/bin"}
    assert subprocess.run([sys.executable, "-c", code], env=path, check=False).returncode == 0
