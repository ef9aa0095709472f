"""Errors in a dataset's module: every program prints a message and exits with 2."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.config import ROOT


@pytest.mark.parametrize("program", ["dataforge_cli", "infra.app"])
def test_wrong_declaration_is_reported_without_a_traceback(tmp_path: Path, program: str) -> None:
    datasets = tmp_path / "datasets"
    shutil.copytree(ROOT / "datasets", datasets, ignore=shutil.ignore_patterns("__pycache__"))
    module = datasets / "olist.py"
    module.write_text(module.read_text().replace("customer_state: State", "customer_state: complex"))
    folders = (tmp_path, ROOT, ROOT / "layers/common/python", ROOT / "cli")
    path = os.pathsep.join(map(str, folders))
    done = subprocess.run(
        [sys.executable, "-m", program],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done
    assert "olist.customers: column customer_state: no storage type for complex." in done.stderr
    assert "Traceback" not in done.stderr
