"""Two hundred schemas with references, migrated and compared with a model; tests/postgres covers a few."""

from __future__ import annotations

import os
import subprocess
import sys

from local.config import ROOT


def test_migrations_of_two_hundred_schemas_store_what_the_model_accepts() -> None:
    test = "tests/postgres/migrate/outcome/test_reference_model.py"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", test]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "EXAMPLES": "200"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:]
