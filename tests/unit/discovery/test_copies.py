"""A file with the content of another one is not loaded twice; a part with equal records is."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest

from discovery.folders.folder import Inventory, take_inventory
from discovery.folders.folder_store import objects_of, store_of
from tests.unit.discovery.folders import archive, drafted, orders, write

NO_KEY = "a,b\n" + "1,2\n" * 400
SMALL = "a,b\n1,2\n1,3\n"


def inventory(folder: Path, files: Mapping[str, str | bytes]) -> Inventory:
    write(folder, files)
    return take_inventory(store_of(folder), list(objects_of(folder)), lambda _: None)


@pytest.mark.parametrize(
    "copy",
    [
        *("Copy of v.csv", "v - Kopie.csv", "v copy 2.csv", "v (1).csv", "v - Copy (3).csv", "v 2.csv"),
        *("old/v.csv", "backup/2024/v.csv", "v.csv.gz", "v.zip"),
    ],
)
@pytest.mark.parametrize("content", [NO_KEY, SMALL], ids=["large", "small"])
def test_copy_is_named_and_not_loaded(tmp_path: Path, copy: str, content: str) -> None:
    packed = {"v.csv.gz": gzip.compress(content.encode()), "v.zip": archive({"v.csv": content})}
    found = inventory(tmp_path, {"v.csv": content, copy: packed.get(copy, content)})
    assert [(table.pattern, len(table.members)) for table in found.tables] == [("v.csv", 1)]
    assert [key for key, _ in found.unread] == [{"v.zip": "v.zip/v.csv"}.get(copy, copy)]
    assert "has the content of v.csv" in found.unread[0][1]


@pytest.mark.parametrize(
    "files",
    [
        {"month=1/v.csv": NO_KEY, "month=2/v.csv": NO_KEY},
        {"v_2024-01.csv": SMALL, "v_2024-02.csv": SMALL},
        {"east/v.csv": SMALL, "west/v.csv": SMALL},
        {"v_2023.csv": "a,b\n", "v_2024.csv": "a,b\n"},
        {"v.csv": NO_KEY, "v_2.csv": NO_KEY.replace("1,2", "1,3")},
    ],
    ids=lambda files: next(iter(files)),
)
def test_parts_with_equal_records_are_loaded(tmp_path: Path, files: dict[str, str]) -> None:
    found = inventory(tmp_path, files)
    assert found.unread == ()
    assert [len(table.members) for table in found.tables] == [2]


def test_tables_with_the_same_content_are_reported(tmp_path: Path) -> None:
    found = inventory(tmp_path, {"colors.csv": NO_KEY, "sizes.csv": NO_KEY})
    assert len(found.tables) == 2
    assert [note.partition(":")[0] for note in found.notes] == ["colors.csv has the content of sizes.csv"]


def test_file_that_is_named_as_a_copy_and_is_none_is_reported(tmp_path: Path) -> None:
    found = inventory(tmp_path, {"orders.csv": orders(1, 9), "Copy of orders.csv": orders(5, 20)})
    assert found.unread == ()
    assert found.notes[0].startswith(
        "Copy of orders.csv is named as a copy of orders.csv and has other content"
    )


def test_copies_are_ignored_by_the_module(tmp_path: Path) -> None:
    copies = {"v (1).csv", "old/v.csv", "Copy of v.csv", "v.csv.gz", "v.zip"}
    files: dict[str, str | bytes] = dict.fromkeys(copies, NO_KEY)
    files |= {
        "v.csv": NO_KEY,
        "v.csv.gz": gzip.compress(NO_KEY.encode()),
        "v.zip": archive({"v.csv": NO_KEY}),
    }
    found = drafted(tmp_path, files)
    assert found.files == {"v": ("v.csv", 400)}
    assert found.unread.keys() == copies - {"v.zip"} | {"v.zip/v.csv"}
