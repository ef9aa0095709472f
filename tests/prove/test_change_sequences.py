"""Hundreds of sequences of permitted changes, and of changes that are planned; tests/postgres covers a few."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.config import ROOT


@pytest.mark.parametrize("test", ["test_sequences.py", "test_plan.py"])
def test_hundreds_of_changes_hold(test: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n",
        "0",
        "-m",
        "",
        f"tests/postgres/schema/{test}",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "EXAMPLES": "300"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:]
