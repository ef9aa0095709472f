"""Lock files: consistent with each other, with checksums, without registries."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from local.config import ROOT

DEV = ROOT / "requirements-dev.lock"
CLOUD = ROOT / "local" / "requirements.lock"
AUDITOR = ROOT / "checks" / "advisories" / "requirements.lock"
OLDER = ROOT / "local" / "older_postgres"
LAYERS = sorted((ROOT / "layers" / "common").glob("requirements*.txt"))
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    return {name.lower().replace("_", "-"): version for name, version in PIN.findall(path.read_text())}


def test_layers_have_lock_files() -> None:
    assert {"pydantic", "psycopg2-binary", "aws-lambda-powertools", "pyarrow", "numpy"} <= {
        name for path in LAYERS for name in pins(path)
    }


@pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.name)
def test_development_lock_has_the_versions_of_the_layers(path: Path) -> None:
    developed = pins(DEV)
    assert {name: developed[name] for name in pins(path)} == pins(path)


@pytest.mark.parametrize("lock", [DEV, CLOUD, AUDITOR], ids=lambda path: str(path.relative_to(ROOT)))
def test_lock_contains_the_packages_of_its_list(lock: Path) -> None:
    asked = pins(lock.with_suffix(".in"))
    assert asked.items() <= pins(lock).items()


@pytest.mark.parametrize("lock", [DEV, CLOUD, AUDITOR], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_has_a_checksum(lock: Path) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", lock.read_text())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_locks_name_no_registry() -> None:
    for path in (
        DEV,
        CLOUD,
        AUDITOR,
        ROOT / "package-lock.json",
        OLDER / "package-lock.json",
        ROOT / ".npmrc",
    ):
        assert "://" not in path.read_text(), path


def test_older_servers_are_pinned_for_every_system_with_a_checksum() -> None:
    wanted = json.loads((OLDER / "package.json").read_text())["optionalDependencies"]
    locked = json.loads((OLDER / "package-lock.json").read_text())["packages"]
    assert len(wanted) == 3 * 4
    for name, source in wanted.items():
        package = locked[f"node_modules/{name}"]
        assert source == f"npm:{package['name']}@{package['version']}"
        assert package["integrity"].startswith("sha512-")


def test_cdk_command_line_is_pinned() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]
    assert locked["version"] == wanted
    assert re.fullmatch(r"\d+\.\d+\.\d+", wanted)


def test_audit_looks_up_the_packages_of_every_lock() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.lock", "*package-lock.json"], cwd=ROOT, capture_output=True, check=True
    )
    shown = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (locks,) = re.findall(r"for lock in (.+?);", shown)
    (folders,) = re.findall(r"for folder in (.+?);", shown)
    scanned = {
        *locks.split(),
        *(f"{folder}/package-lock.json".removeprefix("./") for folder in folders.split()),
    }
    assert scanned == set(listed.stdout.decode().split())


def test_offline_targets_do_not_look_up_advisories() -> None:
    targets = re.findall(
        r"^(?:test|prove|check|setup):.*\n(?:\t.*\n)*", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert len(targets) == 4
    assert not re.search(r"\baudit\b|AUDITOR", "".join(targets))
