"""The checks of `make smoke-aws`, on the embedded cloud."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.command import CommandFailed, dataforge
from local.config import Config
from local.outputs import Outputs
from local.smoke_aws.prove import prove, read_outputs


def test_smoke_checks_pass_on_the_embedded_cloud(
    cloud: Outputs, cloud_config: Config, empty_olist: Callable[[], None]
) -> None:
    lines: list[str] = []
    empty_olist()

    prove(["--outputs", str(cloud_config.outputs)], cloud["api_url"], lines.append)

    assert "migrated again: nothing was loaded twice" in lines
    assert any(line.startswith("downloaded an export of ") for line in lines)
    assert "refused as it must be: QualityTooLow" in lines
    assert any(line.startswith("a page of ") and line.endswith(", compressed") for line in lines)
    keys = dataforge(["--outputs", str(cloud_config.outputs)], "keys", "list")["keys"]
    assert {key["name"] for key in keys} == {"embedded-cloud"}


def test_unexpected_exit_code_fails_the_check(cloud: Outputs, cloud_config: Config) -> None:
    with pytest.raises(CommandFailed, match="ended with 2, not 0"):
        dataforge(["--outputs", str(cloud_config.outputs)], "status", "nothing-of-this-name")


def test_outputs_are_read_from_the_only_stack(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text('{"DataForge-dev": {"RawBucket": "raw"}}')

    assert read_outputs(file) == {"RawBucket": "raw"}
