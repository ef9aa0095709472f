from pathlib import Path

import pytest

from local import aws, deploy
from local.config import Config


def test_variables_of_a_real_account_do_not_reach_cdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(state=tmp_path, aws_port=1234, region="eu-central-1")
    config.run.mkdir()
    aws.create_administrator(config)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "CDK_DEFAULT_ACCOUNT", "PYTHONPATH"):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("PIP_CERT", "retained: the layers are built with pip")
    environment = deploy.environment(config)
    assert "real" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:1234"
    assert environment["AWS_REGION"] == "eu-central-1"
    assert environment["CDK_HOME"] == str(tmp_path / "cdk-home")
    assert environment["PIP_CERT"]
    assert environment["AWS_ACCESS_KEY_ID"] == aws.connection(config)["aws_access_key_id"]


def test_progress_is_printed_periodically() -> None:
    printed: list[str] = []
    lines = [
        f"App | {done:2}/42 | 11:27:25 AM | CREATE_COMPLETE | AWS::S3::Bucket | Raw (Raw1)"
        for done in range(1, 43)
    ]
    # CDK counts events, of which an update has more than the template has resources.
    lines.append("App | 140/69 | 11:27:25 AM | UPDATE_COMPLETE | AWS::S3::Bucket | Raw (Raw1)")
    for line in ["✨  Synthesis time: 5.99s", *lines, "App: success: Built L/Code"]:
        deploy._report(line, printed.append)
    assert printed == [
        "  Synthesis time: 5.99s",
        *(f"  App: {done} of 42 resources" for done in (10, 20, 30, 40)),
    ]
