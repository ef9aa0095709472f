"""The checks of `make smoke-aws` pass on a fresh embedded cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local import cloud
from local.command import dataforge
from local.config import Config
from local.smoke_aws.prove import prove


def test_smoke_checks_pass_on_the_embedded_cloud(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config = Config(state=tmp_path / "state", aws_port=free_port(), pg_port=free_port())
    lines: list[str] = []
    with cloud.running(config) as outputs:
        prove(["--outputs", str(config.outputs)], outputs["api_url"], lines.append)
        keys = dataforge(["--outputs", str(config.outputs)], "keys", "list")["keys"]

    assert "migrated again: nothing was loaded twice" in lines
    assert any(line.startswith("downloaded an export of ") for line in lines)
    assert "refused as it must be: QualityTooLow" in lines
    assert any(line.startswith("a page of ") and line.endswith(", compressed") for line in lines)
    assert {key["name"] for key in keys} == {"embedded-cloud"}
