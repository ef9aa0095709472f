"""The API compared with its OpenAPI document by generated valid and invalid requests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.outputs import Outputs

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 300
FEWEST = 300


def test_responses_match_the_document(cloud: Outputs, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [cloud["api_url"] + "/v1/openapi.json", "--url", cloud["api_url"]]
    command += ["--header", f"x-api-key: {cloud['api_key']}", "--max-examples", "6", "--seed", "20261122"]
    command += ["--continue-on-failure", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases
    assert int(cases[1]) >= FEWEST, done.stdout
