"""Every statement of the deployed policies has an effect on a call of the end-to-end tests, or on an attack."""

from __future__ import annotations

import os
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from dataforge.s3.keys import MANIFEST, SIGNATURE
from local.config import ROOT
from local.iam.decide import decide
from local.iam.statements import Statement, listed
from local.permissions.deployed import Deployed, read
from local.permissions.mutations import differences, survivors
from local.permissions.reasons import REASONS, SURVIVORS
from local.permissions.recorded import Recorded, attacks, read_calls, replacements


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployed, list[Recorded]]:
    """The policies and calls of a run of the end-to-end tests."""
    folder = tmp_path_factory.mktemp("calls")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "tests/e2e"]
    environment = os.environ | {"DATAFORGE_RECORDED": str(folder)}
    result = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    assert result.returncode == 0
    return read_run(folder)


def read_run(folder: Path) -> tuple[Deployed, list[Recorded]]:
    deployed = read(folder / "policies.json")
    return deployed, [one for one in read_calls(folder / "calls.jsonl") if deployed.covers(one.call)]


def test_policies_decide_as_the_cloud_did(recorded: tuple[Deployed, list[Recorded]]) -> None:
    assert differences(*recorded) == []


def test_attacks_are_denied(recorded: tuple[Deployed, list[Recorded]]) -> None:
    deployed, calls = recorded
    tried = attacks_of(calls)
    assert tried
    assert [one for one in tried if decide(one.call, deployed.of(one.call)).allowed] == []


def test_removing_a_statement_changes_a_decision(recorded: tuple[Deployed, list[Recorded]]) -> None:
    deployed, calls = recorded
    found = survivors(deployed, [*calls, *attacks_of(calls)])
    assert [pair for pair in found if not explained(*pair)] == []


def attacks_of(calls: list[Recorded]) -> list[Recorded]:
    return [*attacks(calls), *replacements(calls, f"/{MANIFEST}", f"/{SIGNATURE}")]


def explained(owner: str, statement: Statement) -> bool:
    """Whether each action of the statement is unused for a known reason, or the statement survives for one."""
    if any(fnmatchcase(owner, pattern) and statement.get("Sid", "") == sid for pattern, sid in SURVIVORS):
        return True
    return all(
        any(fnmatchcase(owner, pattern) and fnmatchcase(action, actions) for pattern, actions in REASONS)
        for action in listed(statement["Action"])
    )
