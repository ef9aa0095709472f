"""Thousands of files of JSON Lines, read by columns and by record; tests/unit covers a few."""

from __future__ import annotations

import os
import subprocess
import sys

from local.config import ROOT


def test_columns_equal_the_records_in_thousands_of_files() -> None:
    test = "tests/unit/records/test_json_block.py"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", test]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "EXAMPLES": "4000"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:]
