"""The parts of `make smoke-aws`; tests/prove/test_smoke.py runs its checks."""

from pathlib import Path

import pytest

from local.command import CommandFailed, dataforge
from local.config import Config
from local.outputs import Outputs
from local.smoke_aws.prove import read_outputs


def test_unexpected_exit_code_fails_the_check(cloud: Outputs, cloud_config: Config) -> None:
    with pytest.raises(CommandFailed, match="ended with 2, not 0"):
        dataforge(["--outputs", str(cloud_config.outputs)], "status", "nothing-of-this-name")


def test_outputs_are_read_from_the_only_stack(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text('{"DataForge-dev": {"RawBucket": "raw"}}')

    assert read_outputs(file) == {"RawBucket": "raw"}
