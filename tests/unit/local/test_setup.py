"""The search for a suitable Python on a new machine."""

import os
import subprocess
from pathlib import Path

import pytest

from local.config import ROOT

SCRIPT = ROOT / "local" / "find_python.sh"
FAKE = '#!/bin/sh\ncase "$2" in *ensurepip*) exit {suits} ;; *) echo "{prints}" ;; esac\n'


def find(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)} | environment
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )


def fake_python(path: Path, *, suits: bool) -> Path:
    """A program that answers like a Python of a suitable or an unsuitable version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FAKE.format(suits=int(not suits), prints=path))
    path.chmod(0o755)
    return path


@pytest.mark.skipif(
    any(os.access(f"{folder}/bin/python3", os.X_OK) for folder in ("/opt/homebrew", "/usr/local")),
    reason="this machine has a Python where the script looks last",
)
def test_message_without_a_suitable_python_names_the_version_to_install(tmp_path: Path) -> None:
    fake_python(tmp_path / "python3", suits=False)
    run = find(tmp_path)
    assert run.returncode == 1
    assert run.stdout == ""
    assert "needs Python 3.11 or newer" in run.stderr


def test_newer_python_is_preferred_to_an_unsuitable_python3(tmp_path: Path) -> None:
    fake_python(tmp_path / "python3", suits=False)
    newer = fake_python(tmp_path / "python3.12", suits=True)
    assert find(tmp_path).stdout.strip() == str(newer)


def test_versions_of_pyenv_are_found_without_its_shims(tmp_path: Path) -> None:
    hidden = fake_python(tmp_path / ".pyenv" / "versions" / "3.13.0" / "bin" / "python3", suits=True)
    assert find(tmp_path).stdout.strip() == str(hidden)


def test_specified_python_is_used(tmp_path: Path) -> None:
    named = fake_python(tmp_path / "mine", suits=True)
    fake_python(tmp_path / "python3", suits=True)
    assert find(tmp_path, PYTHON=str(named)).stdout.strip() == str(named)
    refused = find(tmp_path, PYTHON=str(fake_python(tmp_path / "old", suits=False)))
    assert refused.returncode == 1
    assert "old is not a Python 3.11" in refused.stderr
