"""A thousand pairs of catalogues, with and without rows; tests/postgres covers a few dozen."""

from __future__ import annotations

import os
import subprocess
import sys

from local.config import ROOT


def test_any_of_a_thousand_changes_results_in_the_declared_tables_or_a_refusal() -> None:
    test = "tests/postgres/schema/test_every_change.py"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", test]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "EXAMPLES": "1000"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:]
