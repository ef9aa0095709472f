"""The layers' lock files: complete, with hashes and the tested versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.config import ROOT

LAYER = ROOT / "layers" / "common"
LOCKS = (
    "requirements.lock",
    "requirements-bulk.lock",
    "requirements-glue.lock",
    "requirements-pages.lock",
    "requirements-local.lock",
)


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([a-zA-Z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", path.read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_contains_the_required_packages(lock: str) -> None:
    asked = pins(LAYER / lock.replace(".lock", ".txt"))
    assert asked
    assert asked.items() <= pins(LAYER / lock).items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_wheel_has_a_hash_and_no_index_is_named(lock: str) -> None:
    text = (LAYER / lock).read_text()
    for requirement in re.split(r"\n(?=[a-z])", text):
        assert "--hash=sha256:" in requirement
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_layers_have_the_tested_versions(lock: str) -> None:
    tested = pins(ROOT / "requirements-dev.lock")
    assert {name: v for name, v in pins(LAYER / lock).items() if tested.get(name) != v} == {}
