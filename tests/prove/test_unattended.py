"""Migrations and restores of which PostgreSQL completes every step without the function pass the tests of the others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.config import ROOT

PARALLEL = ["-n", "2", "--dist", "loadscope"]
FOLDERS = ("migrate/outcome", "migrate/owner_changes", "migrate/rerun", "restore")


@pytest.mark.parametrize("folder", FOLDERS)
def test_tests_pass_if_the_work_of_all_steps_is_unattended(folder: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *PARALLEL, f"tests/postgres/{folder}"]
    environment = {**os.environ, "TESTS_ATTENDED_SECONDS": "60"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-10_000:]
