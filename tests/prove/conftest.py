"""What `make prove` runs and `make test` does not: proofs that take minutes.

Upgrades from older versions, rollbacks of deployments, other PostgreSQL versions, mutations, all types at full depth.
All of it together stays under 60 minutes on two cores.

- A test belongs here if it alone takes more than about ten seconds; everything else belongs into the other folders.
- Tests run one after another, in one process: a test may start an embedded cloud of its own
  (`local.cloud.running(Config(...))` with a state folder in `tmp_path` and ports from `free_port`).
- A file is one proof, and its docstring says what is proven. `make prove ARGS=tests/prove/test_x.py` runs one.
- Names are facts, as everywhere: `test_upgrade_keeps_every_row`.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from local.config import ROOT
from tests.prove.trees import Tree

EARLIER = "a6f090d"
"""The commit from which on every deployment can be upgraded."""


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The earlier version, whose CDK app imports its own packages and not this version's."""
    folder = tmp_path_factory.mktemp("earlier")
    archive = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"commit {EARLIER} is not in this clone: fetch the whole history")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    tree = Tree(folder)
    settings = json.loads((folder / "cdk.json").read_text())
    settings["app"] = f"PYTHONPATH={tree.python_path} {settings['app']}"
    (folder / "cdk.json").write_text(json.dumps(settings))
    return tree


@pytest.fixture(scope="session")
def current() -> Tree:
    """This version."""
    return Tree(ROOT)
