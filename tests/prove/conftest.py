"""Tests for `make prove`, which take too long for `make test`.

They cover upgrades from older versions, rollbacks of deployments, other PostgreSQL versions, and all types at full depth.
Together they stay under 60 minutes on two cores.

- A test belongs here if it takes more than about ten seconds.
- Tests run one after another, in one process. A test may start its own embedded cloud:
  `local.cloud.running(Config(...))` with a state folder in `tmp_path` and ports from `free_port`.
- A file covers one subject, and its docstring names it. `make prove ARGS=tests/prove/test_x.py` runs one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache

import pytest

from local.config import ROOT
from tests.prove.trees import EARLIEST, Tree


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tree]:
    """Extract a commit, whose CDK app then imports its own packages and not this version's."""

    @cache
    def extract(commit: str) -> Tree:
        folder = tmp_path_factory.mktemp(commit[:7])
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
        if archive.returncode:
            pytest.skip(f"commit {commit} is not in this clone: fetch the whole history")
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        # Earlier versions connected to the embedded PostgreSQL without TLS, which it refuses now.
        database = folder / "infra" / "database.py"
        database.write_text(
            database.read_text().replace('{"DB_SSLMODE": "disable"}', '{"DB_SSLMODE": "require"}')
        )
        tree = Tree(folder)
        settings = json.loads((folder / "cdk.json").read_text())
        settings["app"] = f"PYTHONPATH={tree.python_path} {settings['app']}"
        (folder / "cdk.json").write_text(json.dumps(settings))
        return tree

    return extract


@pytest.fixture(scope="session")
def earlier(checkout: Callable[[str], Tree]) -> Tree:
    """The earliest version that can be upgraded."""
    return checkout(EARLIEST)


@pytest.fixture(scope="session")
def current() -> Tree:
    """This version."""
    return Tree(ROOT)
