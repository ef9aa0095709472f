"""A million rows without a key, and many examples of copies and table checks; tests/postgres covers a few."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.config import ROOT

MIGRATE = "tests/postgres/migrate/input/test_without_key.py"


@pytest.mark.parametrize(
    ("test", "setting"),
    [
        (f"{MIGRATE}::test_many_copies_are_compared_in_linear_time", {"MULTISET_ROWS": "1000000"}),
        (f"{MIGRATE}::test_only_the_copies_that_the_table_lacks_are_loaded", {"EXAMPLES": "150"}),
        ("tests/postgres/test_checks.py", {"EXAMPLES": "100"}),
    ],
)
def test_tables_without_a_key_and_checks_hold_at_full_depth(test: str, setting: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", test]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **setting}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:]
