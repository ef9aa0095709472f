"""The text of a drafted module: it loads, and the formatter and the linter leave it unchanged."""

from __future__ import annotations

import ast
import subprocess
import sys
from types import ModuleType

import pytest
from ruff import find_ruff_bin

from dataforge.tables.modules import read_dataset
from discovery.draft import draft_dataset
from discovery.folders.folder import take_inventory
from discovery.folders.folder_store import objects_of, store_of
from discovery.written.module_text import module_text
from local.config import ROOT

FILES = {
    "customers.csv": "customer id;Größe;class\n" + "".join(f"{n};{n},5;a'{n}\n" for n in range(1, 30)),
    "orders.csv": "order_id;customer id;note\n" + "".join(f"{n};{n % 35};\\N\n" for n in range(1, 50)),
    "links.csv": 'a;b\n"""x""";"eval(1)"\n"{x}";"\\"\n',
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    s3 = store_of(folder)
    inventory = take_inventory(s3, list(objects_of(folder)), lambda _: None)
    return module_text(draft_dataset(s3, "shop", 'a"""b\\', inventory, lambda _: None))


def test_module_loads_with_its_tables_and_references(text: str) -> None:
    module = ModuleType("shop")
    sys.modules["shop"] = module
    try:
        exec(compile(text, "shop.py", "exec"), vars(module))  # noqa: S102
        dataset = read_dataset(module)
    finally:
        del sys.modules["shop"]
    assert dataset.tables.keys() == {"customers", "orders", "links"}
    assert dataset.table("customers").key == ("customer_id",)
    [reference] = dataset.table("orders").references
    assert (reference.parent, reference.enforced) == ("customers", False)


def test_module_calls_declarations_only(text: str) -> None:
    called = {
        node.func.id
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called <= {"Csv", "Key", "References", "Header", "Format", "Clean", "Numeric", "Unique"}


@pytest.mark.parametrize("command", [("format", "--check"), ("check",)])
def test_formatter_and_linter_leave_the_module_unchanged(text: str, command: tuple[str, ...]) -> None:
    words = [find_ruff_bin(), *command, "--stdin-filename", "datasets/shop.py", "-"]
    done = subprocess.run(words, cwd=ROOT, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
