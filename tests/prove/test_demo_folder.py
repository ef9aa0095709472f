"""`make demo` with a folder that no dataset fits: a circle, a table without a key, an empty one, and rejected records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.config import ROOT

VISITS = "".join(f"{n % 2 + 1},{'rain' if n % 3 else 'sun'},{n % 7}\n" for n in range(400))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "store.csv").write_text("store_id,manager_staff_id,opened\n1,1,2020-01-01\n2,2,2021-06-30\n")
    (tmp_path / "staff.csv").write_text("staff_id,name,store_id\n1,Mia,1\n2,Jon,2\n3,Ada,1\n4,Eve,1,?\n")
    (tmp_path / "visits.csv").write_text(f"store_id,weather,visitors\n{VISITS}")
    (tmp_path / "refunds.csv").write_text("refund_id,staff_id,amount\n")
    (tmp_path / "README.md").write_text("Files of a test.\n")
    return tmp_path


def test_demo_of_a_folder_checks_every_step_and_leaves_the_datasets_as_they_are(folder: Path) -> None:
    before = sorted((ROOT / "datasets").iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "local.demo", "--data", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (
        "No dataset fits the files",
        "The demo continues with --threshold 0.75",
        "for 4 of 4 tables",
        "sent as they were delivered: unchanged",
        "rejected with the code conflict",
        "deleted by SQL and sent as it was delivered: inserted",
        "GET /v1/tables/visits/records: 400 rows in 1 page(s)",
        "The restored table equals the original",
        "Done: all checks passed",
    ):
        assert text in done.stdout
    assert sorted((ROOT / "datasets").iterdir()) == before
