"""Many schemas and folders, migrated and compared with a model and with the offline check; tests/postgres covers a few."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.config import ROOT


@pytest.mark.parametrize(("module", "examples"), [("test_reference_model", 200), ("test_offline_check", 100)])
def test_many_migrations_give_what_the_model_and_the_check_give(module: str, examples: int) -> None:
    test = f"tests/postgres/migrate/outcome/{module}.py"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", test]
    settings = {**os.environ, "EXAMPLES": str(examples)}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5_000:]
