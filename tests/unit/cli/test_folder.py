"""Selection of a folder's files for a migration, before the upload."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataforge.errors import UnexpectedFiles
from dataforge.tables.datasets import get_dataset
from dataforge_cli.errors import NoFolder, NoKnownFiles
from dataforge_cli.records.folder import read_folder

OLIST = get_dataset("olist")
ORDERS, CUSTOMERS = "olist_orders_dataset.csv", "olist_customers_dataset.csv"


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_every_known_file_of_the_chosen_tables_is_found(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS, CUSTOMERS, "expected.json")
    folder = read_folder(tmp_path, OLIST, ["orders", "customers"])
    assert folder.files == (tmp_path / CUSTOMERS, tmp_path / ORDERS)
    assert folder.tables == ("customers", "orders")
    assert folder.missing == {}
    assert list(folder.ignored) == ["expected.json"]


def test_files_of_other_tables_are_listed_and_not_uploaded(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS, CUSTOMERS)
    folder = read_folder(tmp_path, OLIST, ["orders"])
    assert folder.files == (tmp_path / ORDERS,)
    assert folder.ignored == {CUSTOMERS: "a file of customers, which this run does not migrate"}


def test_file_of_several_tables_is_uploaded_for_each_of_them(tmp_path: Path) -> None:
    fill(tmp_path, "quotes.csv")
    assert read_folder(tmp_path, get_dataset("quotes"), ["tags"]).files == (tmp_path / "quotes.csv",)


def test_dangling_link_and_pipe_with_the_name_of_a_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / ORDERS).symlink_to("nowhere")
    with pytest.raises(NoFolder, match=ORDERS):
        read_folder(tmp_path, OLIST, ["orders"])
    (tmp_path / ORDERS).unlink()
    os.mkfifo(tmp_path / ORDERS)
    with pytest.raises(NoFolder, match=ORDERS):
        read_folder(tmp_path, OLIST, ["orders"])


def test_missing_files_and_files_without_a_table_are_listed(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS, "more.CSV", "notes/a.txt")
    folder = read_folder(tmp_path, OLIST, ["orders", "customers"])
    assert folder.missing == {"customers": CUSTOMERS}
    assert folder.tables == ("orders",)
    assert list(folder.ignored) == ["more.CSV", "notes/a.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "Olist_orders_dataset.csv",
        "olist_orders_dataset (1).csv",
        "olist_orders_dataset.csv.lz4",
        "olist_orders_dataset/part-0",
        "olist_orders_dataset/deeper/3.csv",
        "olist_orders_dataset/year=2018/3.csv",
        f"old/{ORDERS}",
        f"{ORDERS}/part-0.csv",
    ],
)
def test_doubtful_files_are_refused_before_the_upload_unless_ignored(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "olist_orders_dataset_2.csv", name)
    with pytest.raises(UnexpectedFiles) as raised:
        read_folder(tmp_path, OLIST, ["orders"])
    assert list(raised.value.files) == [str(tmp_path / name)]
    folder = read_folder(tmp_path, OLIST, ["orders"], [name])
    assert folder.names == {"olist_orders_dataset_2.csv"}
    assert folder.ignored == {name: f"the run ignores {name}"}


def test_files_in_folders_named_like_a_file_are_read(tmp_path: Path) -> None:
    names = ["olist_orders_dataset/2.csv", "olist_orders_dataset/1.csv.gz", "olist_orders_dataset.parquet"]
    fill(tmp_path, *names)
    (tmp_path / "back").symlink_to(tmp_path, target_is_directory=True)
    found = read_folder(tmp_path, OLIST, ["orders"])
    wanted = ["olist_orders_dataset.parquet", "olist_orders_dataset/1.csv.gz", "olist_orders_dataset/2.csv"]
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == wanted
    assert found.ignored == {}


def test_linked_folder_is_read(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/1.csv", "data/notes.txt")
    link = tmp_path / "data" / "olist_orders_dataset"
    link.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert read_folder(tmp_path / "data", OLIST, ["orders"]).names == {"olist_orders_dataset/1.csv"}


def test_file_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).touch()
    with pytest.raises(NoFolder, match="not valid UTF-8"):
        read_folder(tmp_path, OLIST, ["orders"])


def test_error_for_a_folder_without_the_datasets_files_lists_its_content(tmp_path: Path) -> None:
    fill(tmp_path, "other.csv")
    with pytest.raises(NoKnownFiles, match=r"Expected: olist_orders_dataset\.csv\..* other\.csv"):
        read_folder(tmp_path, OLIST, ["orders"])


def test_other_dataset_that_has_the_files_is_in_the_hint(tmp_path: Path) -> None:
    fill(tmp_path, "quotes.csv", CUSTOMERS)
    with pytest.raises(NoKnownFiles, match="Hint: Specify --dataset quotes"):
        read_folder(tmp_path, OLIST, ["orders"])
    (tmp_path / "quotes.csv").unlink()
    with pytest.raises(NoKnownFiles) as raised:
        read_folder(tmp_path, OLIST, ["orders"])
    assert "--dataset" not in str(raised.value)


def test_file_instead_of_a_folder_is_refused_with_a_hint(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS)
    with pytest.raises(NoFolder, match="Specify its folder"):
        read_folder(tmp_path / ORDERS, OLIST, ["orders"])


def test_error_for_a_missing_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match="olst"):
        read_folder(tmp_path / "olst", OLIST, ["orders"])


def test_prefix_of_a_bucket_is_refused_with_the_command_that_downloads_it() -> None:
    with pytest.raises(NoFolder, match="aws s3 sync s3://exports/shop/ DIR"):
        read_folder(Path("s3://exports/shop/"), OLIST, ["orders"])
