"""Versions of datasets, by which a deployment is compared with a clone, and the folders of their modules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge.tables.datasets import FURTHER_FOLDER, find_modules
from dataforge.tables.versions import as_text, from_text, module_versions

PACKAGE = "versioned"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "shop.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop(PACKAGE, None)


def version() -> str:
    return module_versions(PACKAGE)["shop"]


def test_every_dataset_has_a_version_and_the_text_holds_them_all() -> None:
    found = module_versions()
    assert set(found) == set(find_modules())
    assert from_text(as_text(found)) == found


def test_version_depends_on_code_and_not_on_comments_or_layout(package: Path) -> None:
    first = version()
    (package / "shop.py").write_text("# evidence\nA = (\n    1\n)\n")
    assert version() == first
    (package / "shop.py").write_text("A = 2\n")
    assert version() != first


def test_version_depends_on_the_private_modules_of_the_package(package: Path) -> None:
    first = version()
    (package / "_common.py").write_text("B = 1\n")
    assert version() != first
    assert set(module_versions(PACKAGE)) == {"shop"}


def test_environment_names_a_further_folder_of_datasets(tmp_path: Path) -> None:
    source = 'from dataforge import Name, Row\n\n\nclass T(Row, table="t", file="t.csv"):\n    """T."""\n\n    a: Name\n'
    (tmp_path / "elsewhere.py").write_text(source)
    script = "from dataforge.tables.datasets import DATASETS, folder; print(folder(), *DATASETS)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, FURTHER_FOLDER: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[0] == str(tmp_path)
    assert {"elsewhere", "olist"} < set(done.stdout.split())
