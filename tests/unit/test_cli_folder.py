"""Which files of a folder belong to a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataforge.datasets import get_dataset
from dataforge_cli.errors import NoFolder, NoKnownFiles
from dataforge_cli.folder import read_folder

OLIST = get_dataset("olist")
ORDERS, CUSTOMERS = "olist_orders_dataset.csv", "olist_customers_dataset.csv"


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_every_known_file_of_the_chosen_tables_is_found(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS, CUSTOMERS, "expected.json")
    folder = read_folder(tmp_path, OLIST, ["orders", "customers"])
    assert folder.files == (tmp_path / CUSTOMERS, tmp_path / ORDERS)
    assert folder.missing == ()
    assert folder.unknown == ()


def test_files_of_tables_that_were_not_chosen_are_neither_sent_nor_unknown(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS, CUSTOMERS)
    folder = read_folder(tmp_path, OLIST, ["orders"])
    assert folder.files == (tmp_path / ORDERS,)
    assert folder.unknown == ()


def test_a_file_of_several_tables_is_sent_for_any_of_them(tmp_path: Path) -> None:
    fill(tmp_path, "quotes.csv")
    assert read_folder(tmp_path, get_dataset("quotes"), ["tags"]).files == (tmp_path / "quotes.csv",)


def test_missing_files_and_unknown_csvs_are_named(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS, "olist_Customers_dataset.csv", "more.CSV", "notes.txt")
    folder = read_folder(tmp_path, OLIST, ["orders", "customers"])
    assert folder.missing == (CUSTOMERS,)
    assert folder.unknown == ("more.CSV", "olist_Customers_dataset.csv")


def test_folders_named_like_files_are_no_files(tmp_path: Path) -> None:
    (tmp_path / ORDERS).mkdir()
    with pytest.raises(NoKnownFiles, match="no data file at all"):
        read_folder(tmp_path, OLIST, ["orders"])


def test_files_lie_in_folders_named_like_a_file_too(tmp_path: Path) -> None:
    names = ["olist_orders_dataset/2.csv", "olist_orders_dataset/1.csv.gz", "olist_orders_dataset/x.txt"]
    for folder in ("olist_orders_dataset/deeper", "other"):
        (tmp_path / folder).mkdir(parents=True)
    fill(
        tmp_path,
        *names,
        "olist_orders_dataset.parquet",
        "olist_orders_dataset/deeper/3.csv",
        f"other/{ORDERS}",
    )
    found = read_folder(tmp_path, OLIST, ["orders"])
    wanted = ["olist_orders_dataset.parquet", "olist_orders_dataset/1.csv.gz", "olist_orders_dataset/2.csv"]
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == wanted
    assert found.unknown == ()


def test_a_file_in_place_of_the_folder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    fill(tmp_path, ORDERS)
    with pytest.raises(NoFolder, match="the folder it lies in"):
        read_folder(tmp_path / ORDERS, OLIST, ["orders"])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match="olst"):
        read_folder(tmp_path / "olst", OLIST, ["orders"])
