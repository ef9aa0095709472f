"""All published file sets of ../shared/data/real, and all files of Pollock; tests/postgres/sets covers some."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.config import ROOT

REAL = ROOT.parent / "shared" / "data" / "real"


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/real is absent")
def test_every_published_set_is_migrated_backed_up_restored_and_delivered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/postgres/sets"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "REAL_SETS": "all"}, capture_output=True, text=True, check=False
    )
    with capsys.disabled():
        print("\n| set | files | records | rejected (code: tables) | lines of module | not declared |")  # noqa: T201
        print("\n".join(line for line in done.stdout.splitlines() if line.startswith("|")))  # noqa: T201
    assert done.returncode == 0, done.stdout[-5_000:]
