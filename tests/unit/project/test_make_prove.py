"""Which tests `make test` runs, and which `make prove`."""

import tomllib

from local.config import ROOT

TESTS = ROOT / "tests"


def test_every_folder_of_tests_but_prove_is_run_by_make_test() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    folders = {path.parent.relative_to(ROOT).parts[1] for path in TESTS.glob("*/**/test_*.py")}
    assert set(options["testpaths"]) == {f"tests/{folder}" for folder in folders - {"prove"}}


def test_no_test_lies_outside_the_folders() -> None:
    assert not list(TESTS.glob("test_*.py"))
