"""The tests that take too long for every run of `make test`: crashes, memory, damages, inputs that are generated."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.config import ROOT


@pytest.mark.parametrize("folder", ["unit", "postgres", "e2e"])
def test_slow_tests_pass(folder: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-m", "slow", f"tests/{folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5_000:]
