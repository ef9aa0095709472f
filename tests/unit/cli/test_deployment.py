"""Selection of the deployment: by option, by state folder, and independent of unrelated environment variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataforge_cli.aws.deployment import Deployment, find_deployment, from_file, snake_case, state_folder
from dataforge_cli.errors import BadOutputs, NoOutput, WrongCall
from local import config, outputs

EMBEDDED = {
    "aws_endpoint_url": "http://127.0.0.1:4566",
    "region": "eu-west-3",
    "aws_access_key_id": "embedded",
    "aws_secret_access_key": "secret",
    "raw_bucket": "raw",
    "report_bucket": "report",
}


def credentials_of(deployment: Deployment) -> Any:
    assert deployment.access.session is not None
    return deployment.access.session.get_credentials()


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """The deployment of the state folder, in an environment whose variables point elsewhere."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-such-file"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("DATAFORGE_STATE", str(tmp_path))
    write(tmp_path / "outputs.json", EMBEDDED)
    return find_deployment(None, None)


def test_embedded_cloud_is_found_by_its_outputs(embedded: Deployment, tmp_path: Path) -> None:
    assert embedded["raw_bucket"] == "raw"
    assert "embedded" in embedded.name
    assert str(tmp_path / "outputs.json") in embedded.name


@pytest.mark.parametrize("service", ["s3", "states", "functions"])
def test_embedded_cloud_is_reached_with_any_environment(embedded: Deployment, service: str) -> None:
    client = getattr(embedded, service)
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.region_name == "eu-west-3"
    assert client.meta.config.proxies == {}


def test_embedded_cloud_gets_the_credentials_in_its_outputs(embedded: Deployment) -> None:
    credentials = credentials_of(embedded)
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("embedded", "secret", None)


def test_schema_function_is_invoked_once_and_synchronously(embedded: Deployment) -> None:
    config: Any = embedded.functions.meta.config
    assert config.read_timeout == 900
    assert config.retries["total_max_attempts"] == 1


def test_outputs_without_an_endpoint_select_aws_with_the_users_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    file = write(tmp_path / "outputs.json", {"raw_bucket": "raw", "region": "eu-west-3"})
    found = from_file(file)
    assert found.s3.meta.endpoint_url == "https://s3.eu-west-3.amazonaws.com"
    assert credentials_of(found).access_key == "real"
    assert "AWS in eu-west-3" in found.name


def test_hints_repeat_the_option_for_outputs(tmp_path: Path) -> None:
    file = write(tmp_path / "my other.json", EMBEDDED)
    assert find_deployment(None, file).flags == f" --outputs '{file}'"


def test_stage_and_outputs_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongCall, match="--stage and --outputs"):
        find_deployment("dev", tmp_path / "outputs.json")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"raw_bucket": 1}', "not a JSON object of texts"),
        ('{"DataForge-dev": {"RawBucket": "raw"}}', "not a JSON object of texts"),
        ("{}", "no raw_bucket"),
        ('{"raw_bucket": "raw", "aws_endpoint_url": "http://127.0.0.1:1"}', "no region, aws_access_key_id, "),
    ],
)
def test_error_names_the_invalid_outputs_file_and_the_reason(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(content)
    with pytest.raises(BadOutputs, match=reason) as caught:
        from_file(file)
    assert str(file) in str(caught.value)


def test_error_for_a_missing_output_names_it(embedded: Deployment) -> None:
    with pytest.raises(NoOutput, match="schema_arn"):
        embedded["schema_arn"]


@pytest.mark.parametrize(
    "setting", [{}, {"DATAFORGE_STATE": ""}, {"DATAFORGE_STATE": "other"}, {"DATAFORGE_STATE": "/x"}]
)
def test_state_folder_is_that_of_the_embedded_cloud(setting: dict[str, str], tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    assert state_folder(setting, env_file) == config.from_environment(setting, env_file).state
    env_file.write_text("DATAFORGE_STATE=from-file\n")
    assert state_folder(setting, env_file) == config.from_environment(setting, env_file).state


@pytest.mark.parametrize("name", ["RawBucket", "MigrationArn", "SchemaArn", "ApiUrl", "Region"])
def test_outputs_have_the_same_names_on_aws_and_in_the_embedded_cloud(name: str) -> None:
    assert snake_case(name) == outputs.snake_case(name)
