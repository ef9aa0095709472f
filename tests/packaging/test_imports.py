"""Every handler is importable with its own assets only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.config import ROOT

HANDLERS = (
    "functions.backup.handler.control",
    "functions.backup.handler.hold",
    "functions.backup.handler.work",
    "functions.export.handler.work",
    "functions.glue.handler.register",
    "functions.deliver.handler.record",
    "functions.deliver.handler.watch",
    "functions.deployment.handler.on_event",
    "functions.schema.handler.on_event",
    "functions.schema.handler.apply",
    "functions.schema.handler.upkeep",
    "functions.migrate.handler.control",
    "functions.migrate.handler.load",
    "functions.restore.handler.control",
    "functions.restore.handler.work",
    "functions.ingest.handler.handler",
    "functions.operations.handler.handler",
    "functions.deliver.handler.handler",
)

BESIDE = {"ingest": ["node_modules"]}
"""The contents of assets other than ``functions``."""

# -I and -S: no site-packages, no PYTHONPATH, no current folder. Only the assets are importable.
IMPORT = """
import importlib, sys
module, *sys.path[:0] = sys.argv[1:]
imported = importlib.import_module(module)
foreign = [m.__file__ for m in list(sys.modules.values()) if "site-packages" in (getattr(m, "__file__", None) or "")]
assert not foreign, foreign
assert "jinja2" not in sys.modules, "Jinja2 is imported before a page is rendered"
columns = {"numpy", "pyarrow"} & set(sys.modules)
assert not (columns and module == "functions.migrate.handler"), columns
heavy = {"botocore.session", "botocore.client", "pyarrow"} & set(sys.modules)
assert not (heavy and module in ("functions.ingest.handler", "functions.deliver.handler")), heavy
print(*(name for name, value in vars(imported).items() if callable(value)))
"""
Import = Callable[..., "subprocess.CompletedProcess[str]"]


def test_list_contains_every_function_of_the_app(for_this_machine: dict[str, Any]) -> None:
    assert set(for_this_machine) == set(HANDLERS)


@pytest.fixture(scope="module")
def import_module(tmp_path_factory: pytest.TempPathFactory) -> Import:
    """Import a module from folders in a new interpreter, which prints its callables; functions with equal folders share it.

    The interpreters share their bytecode, because most functions share most modules.
    """
    bytecode = tmp_path_factory.mktemp("bytecode")

    @cache
    def run(module: str, *folders: Path) -> subprocess.CompletedProcess[str]:
        options = ["-I", "-S", "-X", f"pycache_prefix={bytecode}", "-c", IMPORT]
        command = [sys.executable, *options, module, *map(str, folders)]
        return subprocess.run(command, env={}, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("handler", HANDLERS)
def test_handler_is_importable_with_its_assets_only(
    for_this_machine: dict[str, Any], handler: str, import_module: Import
) -> None:
    packaged, (module, _, name) = for_this_machine[handler], handler.rpartition(".")
    run = import_module(module, packaged.code, *(layer / "python" for layer in packaged.layers))
    assert run.returncode == 0, run.stderr
    assert name in run.stdout.split()


@pytest.mark.parametrize("handler", HANDLERS)
def test_code_asset_contains_its_function_and_no_other(
    for_this_machine: dict[str, Any], handler: str
) -> None:
    capability = handler.split(".")[1]
    code = for_this_machine[handler].code
    assert {path.name for path in code.iterdir()} == {"functions", *BESIDE.get(capability, ())}
    assert {path.name for path in (code / "functions").iterdir()} <= {
        "__init__.py",
        "__pycache__",
        capability,
    }
    assert (code / "functions" / capability / "handler.py").is_file()


def test_assets_contain_only_code(for_this_machine: dict[str, Any]) -> None:
    for packaged in for_this_machine.values():
        (common,) = (layer for layer in packaged.layers if (layer / "python" / "dataforge").is_dir())
        assert [path.name for path in common.iterdir()] == ["python"]
        ours = [path for folder in (packaged.code, common) for path in folder.rglob("*") if path.is_file()]
        assert {path.suffix for path in ours if "node_modules" not in path.parts} <= {
            ".py",
            ".pyc",
            ".pem",
            ".html",
            ".css",
            ".js",
        }


def test_functions_that_render_pages_are_the_only_ones_with_jinja2(for_this_machine: dict[str, Any]) -> None:
    found = {
        handler
        for handler, packaged in for_this_machine.items()
        if any((layer / "python" / "jinja2").is_dir() for layer in packaged.layers)
    }
    assert found == {
        "functions.deliver.handler.handler",
        "functions.ingest.handler.handler",
        "functions.migrate.handler.control",
    }


def test_ingest_contains_the_documentation_pages_files_and_nothing_else_of_npm(
    for_this_machine: dict[str, Any],
) -> None:
    brought = for_this_machine["functions.ingest.handler.handler"].code / "node_modules"
    names = {str(path.relative_to(brought)) for path in brought.rglob("*") if path.is_file()}
    assert names == {
        f"swagger-ui-dist/{name}" for name in ("LICENSE", "swagger-ui.css", "swagger-ui-bundle.js")
    }


def test_layer_contains_the_datasets_and_nothing_else_of_the_repository(for_lambda: dict[str, Any]) -> None:
    for packaged in for_lambda.values():
        (common,) = (layer for layer in packaged.layers if (layer / "python" / "dataforge").is_dir())
        assert {path.name for path in (common / "python").iterdir()} == {"dataforge", "datasets"}
        found = {path.name for path in (common / "python" / "datasets").iterdir()}
        assert found == {path.name for path in (ROOT / "datasets").glob("*.py")}


def test_modules_of_the_assets_have_bytecode(for_this_machine: dict[str, Any]) -> None:
    for folder in {folder for packaged in for_this_machine.values() for folder in packaged.folders}:
        modules = {path.with_suffix("").relative_to(folder) for path in folder.rglob("*.py")}
        compiled = {
            path.parent.parent.relative_to(folder) / path.name.partition(".")[0]
            for path in folder.rglob(f"*.{sys.implementation.cache_tag}.pyc")
        }
        assert modules == compiled
