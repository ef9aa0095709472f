"""`dataforge preview`, `init` and `check`: their documents, exit codes and errors. They need no deployment."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import datasets
from dataforge.tables.datasets import DATASETS
from dataforge_cli.main import app

CUSTOMERS = "customer_id;name;city\n" + "".join(f"{n};Name {n};Town\n" for n in range(1, 41))
ORDERS = "order_id;customer_id;total\n" + "".join(f"{n};{n % 40 + 1};{n},50\n" for n in range(1, 61))
SECRET = "sesame-{}@mail.test"


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of written modules, which tests do not share."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setattr(datasets, "__path__", [str(folder), *datasets.__path__])
    monkeypatch.setenv("COLUMNS", "250")
    yield folder
    DATASETS.pop("shop", None)
    sys.modules.pop("datasets.shop", None)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with two tables."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "customers.csv").write_text(CUSTOMERS)
    (folder / "orders.csv").write_text(ORDERS)
    return folder


def test_preview_gives_dialect_reasons_columns_and_first_records(shop: Path) -> None:
    found = document(call("preview", shop / "orders.csv", "--json"))
    assert found["dialect"]["delimiter"] == ";"
    assert found["dialect"]["header"] == 1
    assert {"encoding", "delimiter", "quote", "header"} <= found["reasons"].keys()
    assert found["columns"] == ["order_id", "customer_id", "total"]
    assert found["records"][0] == ["1", "2", "1,50"]
    assert len(found["records"]) == 10


def test_preview_writes_all_records_as_csv_or_json_lines_and_the_others_to_stderr(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('id,note\n1,"a, b"\n2\n3,c\n')
    result = call("preview", file, "--all")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["id,note", '1,"a, b"', "3,c"]
    assert "line 3" in result.stderr
    lines = call("preview", file, "--all", "--to", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"id": "1", "note": "a, b"}, {"id": "3", "note": "c"}]


def test_preview_reads_in_the_specified_dialect(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("x|y\n1|é\n".encode("cp1252"))
    words = ("--delimiter", "|", "--encoding", "cp1252", "--header", "none", "--null", "1", "--json")
    found = document(call("preview", file, *words))
    assert found["records"] == [["x", "y"], ["1", "é"]]
    assert found["dialect"]["null"] == ["1"]
    assert found["reasons"]["delimiter"] == "specified"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--header", "x"), 2),
        (("--encoding", "klingon"), 2),
        (("--delimiter", "\n"), 2),
        (("--quote", "ab"), 2),
    ],
)
def test_wrong_part_of_a_dialect_is_a_wrong_call(shop: Path, words: tuple[str, ...], code: int) -> None:
    assert call("preview", shop / "orders.csv", *words).exit_code == code


def test_missing_file_and_folder_are_named(tmp_path: Path, modules: Path) -> None:
    gone = tmp_path / "gone"
    for words in (
        ("preview", gone),
        ("init", gone, "--dataset", "shop"),
        ("check", gone, "--dataset", "olist"),
    ):
        result = call(*words)
        assert result.exit_code == 2
        assert str(gone) in result.stderr.replace("\n", "")
    assert not list(modules.iterdir())


def test_preview_shows_control_characters_of_headers_and_fields_as_symbols(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,\x1b[31mname[bold]\n1,\x1b]0;title\x07\n2,[red]x\n")
    result = call("preview", file)
    assert result.exit_code == 0
    assert not set("\x1b\x07") & set(result.output)
    assert "[red]x" in result.stdout
    assert "name[bold]" in result.stdout


def test_init_writes_a_module_that_loads_and_reports_tables_keys_and_references(
    modules: Path, shop: Path
) -> None:
    found = document(call("init", shop, "--dataset", "shop", "--json"))
    assert (found["dataset"], found["module"]) == ("shop", "datasets/shop.py")
    customers, orders = found["tables"]
    assert (customers["name"], customers["rows"], customers["key"]) == ("customers", 40, ["customer_id"])
    assert (customers["would_load"], customers["would_reject"]) == (40, 0)
    assert orders["files"] == ["orders.csv"]
    assert orders["dialect"]["delimiter"] == ";"
    assert orders["columns"][2] == {"name": "total", "header": "total", "type": "numeric", "nullable": False}
    assert orders["foreign_keys"] == [
        {
            "columns": ["customer_id"],
            "parent": "customers",
            "parent_columns": ["customer_id"],
            "enforced": True,
            "orphans": 0,
        }
    ]
    assert (modules / "shop.py").is_file()


def test_init_replaces_a_module_only_with_force(modules: Path, shop: Path) -> None:
    module = modules / "shop.py"
    module.write_text("# mine\n")
    result = call("init", shop, "--dataset", "shop")
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert module.read_text() == "# mine\n"
    assert call("init", shop, "--dataset", "shop", "--force").exit_code == 0
    assert module.read_text() != "# mine\n"


def test_init_uses_and_names_a_description_beside_the_data(modules: Path, shop: Path) -> None:
    header = (shop / "customers.csv").read_text().splitlines()[0]
    columns = ", ".join(f'"{name}" varchar(99)' for name in header.split(";"))
    (shop / "schema.sql").write_text(f"CREATE TABLE customers ({columns});")
    found = document(call("init", shop, "--dataset", "shop", "--json"))
    assert "schema.sql describes the tables." in found["notes"]
    text = (modules / "shop.py").read_text()
    assert "Types, keys and references are those of schema.sql." in text
    assert "VarChar(99)" in text


@pytest.mark.parametrize("name", ["a-b", "1a", "pg_x", "dataforge", ""])
def test_init_refuses_a_name_that_no_dataset_can_have(modules: Path, shop: Path, name: str) -> None:
    assert call("init", shop, "--dataset", name).exit_code == 2
    assert not list(modules.iterdir())


def test_init_of_a_folder_without_tables_names_the_files(modules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cat.png").write_bytes(b"\x89PNG\r\n")
    result = call("init", folder, "--dataset", "shop")
    assert result.exit_code == 1
    assert "cat.png" in result.stderr
    assert not list(modules.iterdir())


def test_module_has_no_values_of_columns_with_many_texts(modules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    rows = "".join(f"{n},{SECRET.format(n)},{n % 3}\n" for n in range(1, 300))
    (folder / "people.csv").write_text(f"id,email,grade\n{rows}")
    result = call("init", folder, "--dataset", "shop", "--json")
    assert result.exit_code == 0
    assert "sesame" not in (modules / "shop.py").read_text() + result.output


def test_check_gives_counts_and_reasons_with_line_and_raw_text(modules: Path, shop: Path) -> None:
    assert call("init", shop, "--dataset", "shop").exit_code == 0
    with (shop / "orders.csv").open("a") as file:
        file.write("61;999;1,00\n1;1;9,99\n1;2;1,50\nx;1;1,00\n")
    result = call("check", shop, "--dataset", "shop", "--json")
    orders = document(result)["tables"][1]
    assert {name: orders[name] for name in ("table", "read", "loaded", "deduplicated", "rejected")} == {
        "table": "orders",
        "read": 64,
        "loaded": 60,
        "deduplicated": 1,
        "rejected": 3,
    }
    reasons = {reason["code"]: reason for reason in orders["reasons"]}
    assert reasons.keys() == {"foreign_key", "conflict", "int_parsing"}
    assert [(e["line"], e["raw"].strip()) for e in reasons["foreign_key"]["examples"]] == [
        (62, "61;999;1,00")
    ]
    assert [e["line"] for e in reasons["conflict"]["examples"]] == [63]
    assert [e["line"] for e in reasons["int_parsing"]["examples"]] == [65]


def test_check_fails_below_the_threshold_with_the_document(modules: Path, shop: Path) -> None:
    assert call("init", shop, "--dataset", "shop").exit_code == 0
    (shop / "orders.csv").write_text("order_id;customer_id;total\nx;1;1,00\n1;1;1,00\n")
    result = call("check", shop, "--dataset", "shop", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["tables"][1]["rejected"] == 1
    assert call("check", shop, "--dataset", "shop", "--threshold", "0.5").exit_code == 0


def test_check_suggests_declarations_and_writes_a_page_that_states_that_it_was_offline(
    modules: Path, shop: Path, tmp_path: Path
) -> None:
    assert call("init", shop, "--dataset", "shop").exit_code == 0
    with (shop / "orders.csv").open("a") as file:
        file.write("".join(f"{n}.;1;{n},00\n" for n in range(100, 105)) + "7x;1;<b>\n")
    page = tmp_path / "page.html"
    words = ("check", shop, "--dataset", "shop", "--html", page)
    [suggestion] = document(call(*words, "--threshold", "0.5", "--json"))["tables"][1]["suggestions"]
    assert (suggestion["column"], suggestion["values"]) == ("order_id", 5)
    for text in ("Offline check of shop", "nothing was stored or sent", "int_parsing", "7x;1;&lt;b&gt;"):
        assert text in page.read_text()
    assert "Cost" not in page.read_text()
    failed = call(*words)
    assert failed.exit_code == 1
    assert "orders.order_id (datasets/shop.py:" in failed.stdout
    assert suggestion["text"] in failed.stdout.replace("\n", "")
    assert "A migration would publish nothing" in page.read_text()
    assert call("check", shop, "--dataset", "shop", "--html", tmp_path / "gone" / "page.html").exit_code == 2


def test_check_of_files_of_another_dataset_names_the_dataset_once(tmp_path: Path) -> None:
    (tmp_path / "pets.csv").write_text("pet_id\n1\n")
    wrong = call("check", tmp_path, "--dataset", "olist", "--json")
    assert wrong.exit_code == 2
    assert "has no file of dataset 'olist'. Expected: " in wrong.stderr
    assert json.loads(wrong.stdout)["error"] == "MissingFile"


def test_check_of_an_unknown_dataset_or_missing_table_names_it(modules: Path, shop: Path) -> None:
    result = call("check", shop, "--dataset", "nothing")
    assert result.exit_code == 2
    assert "nothing" in result.stderr
    assert call("init", shop, "--dataset", "shop").exit_code == 0
    (shop / "orders.csv").rename(shop / "orders.bak")
    result = call("check", shop, "--dataset", "shop", "--ignore", "*.bak")
    assert result.exit_code == 2
    assert f"{shop} has no file for: orders (expected orders.csv)" in result.stderr.replace("\n", "")
    (shop / "orders.csv").write_text(ORDERS)
    result = call("check", shop, "--dataset", "shop")
    assert result.exit_code == 2
    assert "orders.bak" in result.stderr
    assert "--ignore PATTERN" in result.stderr


LINES = b'{"id": 1, "note": "x"}\n[]\n{"id": 2.50, "tags": ["a"], "note": null}\n'


def _zip(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in files.items():
            archive.writestr(f"inner/{name}.csv", body)
    return path


def test_preview_reads_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(LINES))
    found = document(call("preview", file, "--json"))
    assert (found["dialect"]["format"], found["columns"]) == ("jsonl", ["id", "note", "tags"])
    result = call("preview", file, "--all")
    assert result.stdout.splitlines() == ["id,note,tags", "1,x,", '2.50,,"[""a""]"']
    assert "line 2" in result.stderr


def test_preview_reads_parquet(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1, 2], "note": ["x", None]}), file)
    found = document(call("preview", file, "--json"))
    assert (found["dialect"]["format"], found["records"]) == ("parquet", [["1", "x"], ["2", None]])
    assert call("preview", file, "--all").stdout.splitlines() == ["id,note", "1,x", "2,"]


def test_preview_reads_a_file_in_an_archive(tmp_path: Path) -> None:
    one = _zip(tmp_path / "one.zip", a=b"id;n\n1;2\n3;4\n")
    assert document(call("preview", one, "--json"))["columns"] == ["id", "n"]
    two = _zip(tmp_path / "two.zip", a=b"id;n\n1;2\n3;4\n", b=b"x,y\n1,2\n3,4\n")
    refused = call("preview", two)
    assert refused.exit_code != 0
    assert "two.zip/inner/a.csv" in refused.stderr
    assert document(call("preview", two / "inner" / "b.csv", "--json"))["columns"] == ["x", "y"]
    absent = call("preview", two / "inner" / "c.csv")
    assert (absent.exit_code, "Found: inner/a.csv, inner/b.csv" in absent.stderr) == (2, True)


def test_preview_reads_json_lines_of_another_extension(tmp_path: Path) -> None:
    file = tmp_path / "events.log"
    file.write_bytes(LINES)
    assert document(call("preview", file, "--json"))["columns"] == ["id", "note", "tags"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_preview_detects_a_compression_by_content(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(pack(ORDERS.encode()))
    assert document(call("preview", file, "--json"))["records"][0] == ["1", "2", "1,50"]
