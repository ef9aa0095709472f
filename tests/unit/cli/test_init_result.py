"""The result of `dataforge init`: what it prints, what it writes, and what remains after a failure."""

from __future__ import annotations

import errno
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import datasets
from dataforge import Csv, Integer
from dataforge.tables.datasets import DATASETS
from dataforge_cli.call import calling
from dataforge_cli.main import app
from dataforge_cli.records.module_file import CannotDeclare, written_module
from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft
from discovery.types.declared import Declared
from discovery.written.module_text import module_text

SECRET = "sesame {} street"


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the folder ``modules``, to which modules are written."""
    folder = tmp_path_factory.mktemp("init")
    modules = folder / "modules"
    modules.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "__path__", [str(modules), *datasets.__path__])
        yield folder
    DATASETS.pop("shop", None)
    sys.modules.pop("datasets.shop", None)


@pytest.fixture(scope="module")
def shop(context: Path) -> Path:
    """Orders with damaged records and with customers that are missing, moods without a key, and old files."""
    folder = context / "shop"
    (folder / "old").mkdir(parents=True)
    customers = "".join(f"{n},{SECRET.format(n)}\n" for n in range(1, 41))
    orders = "".join(f"{n},{n % 50 + 1},{n}.50,2024-01-{n % 28 + 1:02}\n" for n in range(1, 61))
    damaged = "".join(f"{n},{SECRET.format(n)},x\n" for n in (41, 42, 43))
    (folder / "customers.csv").write_text(f"customer_id,address\n{customers}{damaged}")
    (folder / "orders.csv").write_text(f"order_id,customer_id,total,ordered\n{orders}61,1,2,3,4,5\n62,1\n")
    (folder / "moods.csv").write_text("mood,text\n" + "good,fine\nbad,rain\n" * 10)
    (folder / "old" / "orders.csv").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture(scope="module")
def printed(shop: Path) -> Result:
    """The result for a person."""
    result = call("init", shop, "--dataset", "shop", "--ignore", "old/")
    assert result.exit_code == 0, result.output
    return result


def test_summary_names_decisions_with_lines_and_the_next_commands(
    context: Path, shop: Path, printed: Result
) -> None:
    text = (context / "modules" / "shop.py").read_text().splitlines()
    [line] = [
        n for n, code in enumerate(text, 1) if code.startswith("    customer_id") and "References" in code
    ]
    assert f"orders.customer_id (datasets/shop.py:{line}): " in printed.stdout
    assert "No key was found, so that identical rows are all stored: moods (line " in printed.stdout
    assert "field_count" in printed.stdout
    assert "orders.csv:62" in printed.stdout
    assert f"dataforge check {shop} --dataset shop --html shop.html --ignore old/" in printed.stdout


def test_summary_warns_of_a_quality_below_the_threshold_and_gives_one_that_is_reached(
    shop: Path, printed: Result
) -> None:
    assert "below the threshold 0.95: customers" in printed.stderr
    assert f"dataforge migrate {shop} --dataset shop --threshold 0.93 --ignore old/" in printed.stdout


def test_neither_module_nor_output_has_a_value_of_many_texts(
    context: Path, shop: Path, printed: Result
) -> None:
    module = context / "modules" / "shop.py"
    result = call("init", shop, "--dataset", "shop", "--ignore", "old/", "--force", "--json")
    assert result.exit_code == 0, result.output
    texts = (printed.stdout, printed.stderr, result.stdout, result.stderr, module.read_text())
    assert "sesame" not in "".join(texts)
    found = json.loads(result.stdout)
    assert {table["name"] for table in found["tables"]} == {"customers", "orders", "moods"}
    orders = next(table for table in found["tables"] if table["name"] == "orders")
    assert orders["would_load"] + orders["would_reject"] == 62
    assert orders["reasons"] == [{"code": "field_count", "column": None, "count": 2}]
    assert any("identical rows" in note for note in found["notes"])


@pytest.fixture
def modules(context: Path) -> Path:
    """The folder of modules, without that of the dataset."""
    folder = context / "modules"
    (folder / "shop.py").unlink(missing_ok=True)
    DATASETS.pop("shop", None)
    return folder


@pytest.mark.parametrize("before", [None, b"# mine\n"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_failure_before_the_end_leaves_the_folder_as_before(
    modules: Path, before: bytes | None, error: type[BaseException]
) -> None:
    module = modules / "shop.py"
    if before is not None:
        module.write_bytes(before)
    with pytest.raises(error):
        _fail_in_the_block(module, before, error)
    assert [path.name for path in modules.iterdir() if path.is_file()] == (["shop.py"] if before else [])
    assert before is None or module.read_bytes() == before
    assert "shop" not in DATASETS


def _fail_in_the_block(module: Path, before: bytes | None, error: type[BaseException]) -> None:
    with written_module(module, "folder", module_text(_draft(module.parent))) as dataset:
        assert "orders" in dataset.tables
        assert (module.read_bytes() if module.exists() else None) == before
        raise error


def test_module_is_written_after_the_block(modules: Path) -> None:
    module, folders = modules / "shop.py", list(datasets.__path__)
    with written_module(module, "folder", module_text(_draft(modules))):
        pass
    assert (b"class Order" in module.read_bytes(), list(datasets.__path__)) == (True, folders)
    assert DATASETS["shop"].tables.keys() == {"orders"}
    module.unlink()
    del DATASETS["shop"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_that_ends_the_process_is_an_error_of_the_call(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(number, signal.SIG_DFL)
    with (
        pytest.raises(typer.Exit) as ended,
        calling(stage=None, outputs=None, as_json=True, debug=False),
    ):
        signal.raise_signal(number)
    assert (ended.value.exit_code, json.loads(capsys.readouterr().out)["status"]) == (143, "interrupted")
    assert signal.signal(number, before) == signal.SIG_DFL


def test_full_disk_is_an_error_that_names_the_temporary_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(typer.Exit) as ended,
        calling(stage=None, outputs=None, as_json=True, debug=False),
    ):
        Path("/dev/full").write_text("text")
    found = json.loads(capsys.readouterr().out)
    assert (ended.value.exit_code, found["error"]) == (1, "NoSpace")
    assert tempfile.gettempdir() in found["cause"]


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
        written_module(module, "folder", module_text(replace(draft, tables=(table,)))),
    ):
        pass
    assert not module.exists()


def test_full_disk_is_an_error_with_the_temporary_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), calling(stage=None, outputs=None, as_json=True, debug=False):
        raise OSError(errno.ENOSPC, "Error writing bytes to file")
    assert "TMPDIR" in json.loads(capsys.readouterr().out)["cause"]
