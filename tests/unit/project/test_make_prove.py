"""Folders of tests that `make test` and `make prove` run."""

import tomllib

from local.config import ROOT

TESTS = ROOT / "tests"


def test_make_test_runs_every_folder_of_tests_except_prove() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    folders = {path.parent.relative_to(ROOT).parts[1] for path in TESTS.glob("*/**/test_*.py")}
    assert set(options["testpaths"]) == {f"tests/{folder}" for folder in folders - {"prove"}}


def test_every_test_is_in_one_of_the_folders() -> None:
    assert not list(TESTS.glob("test_*.py"))
