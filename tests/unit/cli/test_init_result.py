"""The result of `dataforge init`: what it prints, what it writes, and what remains after a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import datasets
from dataforge import Csv, Integer
from dataforge.tables.datasets import DATASETS
from dataforge_cli.commands.init import CannotDeclare, _written
from dataforge_cli.main import app
from discovery.declared import Declared
from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft

SECRET = "sesame {} street"


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setattr(datasets, "__path__", [str(folder), *datasets.__path__])
    yield folder
    DATASETS.pop("shop", None)
    sys.modules.pop("datasets.shop", None)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Orders with damaged records and with customers that are missing, and notes without a key."""
    folder = tmp_path / "shop"
    folder.mkdir()
    customers = "".join(f"{n},{SECRET.format(n)}\n" for n in range(1, 41))
    orders = "".join(f"{n},{n % 50 + 1},{n}.50,2024-01-{n % 28 + 1:02}\n" for n in range(1, 61))
    (folder / "customers.csv").write_text(f"customer_id,address\n{customers}")
    (folder / "orders.csv").write_text(f"order_id,customer_id,total,ordered\n{orders}61,1,2,3,4,5\n62,1\n")
    (folder / "notes.csv").write_text("mood,text\n" + "good,fine\nbad,rain\n" * 10)
    return folder


def test_summary_names_decisions_with_lines_and_the_next_commands(modules: Path, shop: Path) -> None:
    result = call("init", shop, "--dataset", "shop")
    assert result.exit_code == 0, result.output
    text = (modules / "shop.py").read_text().splitlines()
    [line] = [
        n for n, code in enumerate(text, 1) if code.startswith("    customer_id") and "References" in code
    ]
    assert f"orders.customer_id (datasets/shop.py:{line}): " in result.stdout
    assert "No key was found, so that identical rows are all stored: notes (line " in result.stdout
    assert "field_count" in result.stdout
    assert "orders.csv:62" in result.stdout
    assert f"dataforge check {shop} --dataset shop --html shop.html" in result.stdout
    assert f"dataforge migrate {shop} --dataset shop" in result.stdout


def test_neither_module_nor_summary_nor_progress_has_a_value_of_many_texts(modules: Path, shop: Path) -> None:
    with (shop / "customers.csv").open("a") as file:
        file.write(f"41,{SECRET.format(41)},x\n1,{SECRET.format(99)}\nx,{SECRET.format(98)}\n")
    for words in ((), ("--json",)):
        result = call("init", shop, "--dataset", "shop", "--force", *words)
        assert result.exit_code == 0, result.output
        assert "sesame" not in result.stdout + result.stderr
    assert "sesame" not in (modules / "shop.py").read_text()


def test_summary_warns_of_a_quality_below_the_threshold_and_gives_one_that_is_reached(
    modules: Path, shop: Path
) -> None:
    with (shop / "orders.csv").open("a") as file:
        file.write("70,1\n" * 10)
    result = call("init", shop, "--dataset", "shop")
    assert result.exit_code == 0
    assert "below the threshold 0.95: orders" in result.stderr
    assert "--dataset shop --threshold 0.83" in result.stdout


def test_document_has_reasons_and_decisions_without_progress_on_stdout(modules: Path, shop: Path) -> None:
    found = json.loads(call("init", shop, "--dataset", "shop", "--json").stdout)
    orders = next(table for table in found["tables"] if table["name"] == "orders")
    assert orders["would_load"] + orders["would_reject"] == 62
    assert orders["reasons"] == [{"code": "field_count", "column": None, "count": 2}]
    assert any("identical rows" in note for note in found["notes"])


def test_ignored_files_are_neither_read_nor_declared(modules: Path, shop: Path) -> None:
    (shop / "old").mkdir()
    (shop / "old" / "orders.csv").write_text("a,b\n1,2\n")
    (shop / "orders.bak.csv").write_text("a,b\n1,2\n")
    words = ("--ignore", "old/", "--ignore", "*.bak.csv", "--json")
    found = json.loads(call("init", shop, "--dataset", "shop", *words).stdout)
    assert {table["name"] for table in found["tables"]} == {"customers", "orders", "notes"}


@pytest.mark.parametrize("before", [None, b"# mine\n"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_failure_after_the_module_is_written_leaves_the_folder_as_before(
    modules: Path, before: bytes | None, error: type[BaseException]
) -> None:
    module = modules / "shop.py"
    if before is not None:
        module.write_bytes(before)
    with pytest.raises(error):
        _fail_after_writing(module, error)
    assert [path.name for path in modules.iterdir() if path.is_file()] == (["shop.py"] if before else [])
    assert before is None or module.read_bytes() == before
    assert "shop" not in DATASETS


def _fail_after_writing(module: Path, error: type[BaseException]) -> None:
    with _written(module, _draft(module.parent)):
        assert b"class Order" in module.read_bytes()
        raise error


def _draft(folder: Path) -> DatasetDraft:
    columns = (ColumnDraft("id", "id", Declared("Integer", Integer), nullable=False),)
    return DatasetDraft(
        "shop", folder.name, (TableDraft("orders", "orders.csv", Csv(), columns, ("id",), 1),)
    )


def test_name_that_cannot_be_declared_is_named_and_nothing_is_written(modules: Path) -> None:
    module = modules / "shop.py"
    draft = _draft(modules)
    table = replace(draft.tables[0], file="a\nb.csv")
    with (
        pytest.raises(CannotDeclare, match=r"a\\nb\.csv.*Nothing was written.*--ignore"),
        _written(module, replace(draft, tables=(table,))),
    ):
        pass
    assert not module.exists()
