"""Assignment of files to sources: taken, ignored and doubtful names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.files.listing import list_files, present_tables
from dataforge.files.lookalikes import is_marker
from dataforge.files.names import in_order
from dataforge.files.sources import Doubtful, FileNames, Ignored, Taken
from dataforge.tables.catalogue import Dataset, Source
from dataforge.tables.datasets import get_dataset

OLIST = get_dataset("olist")
OLIST_NAMES = FileNames(OLIST)
STEM = "olist_orders_dataset"


def dataset(*names: str, columns: tuple[str, ...] = (), ignored: tuple[str, ...] = ()) -> Dataset:
    sources = tuple(Source(f"{n}.csv", columns, (n,), ignored_partitions=ignored) for n in names)
    return Dataset("shared", "", dict.fromkeys(names), sources)  # type: ignore[arg-type]


SHARED = dataset("orders", "orders_old", "orders_2", "pokemon")


@pytest.mark.parametrize(
    "path",
    [
        f"{STEM}.csv",
        f"{STEM}_2.csv",
        f"{STEM}-2.csv.gz",
        f"{STEM}_2018.csv.zst",
        f"{STEM}.parquet",
        f"{STEM}/anything.csv",
        f"{STEM}/part-00000-8f1c.c000.snappy.parquet",
        f"{STEM}/{STEM}.csv",
    ],
)
def test_source_has_several_files(path: str) -> None:
    found = FileNames(OLIST).fate(path)
    assert isinstance(found, Taken)
    assert found.source.tables == ("orders",)


@pytest.mark.parametrize(
    "path",
    [
        "Olist_Orders_Dataset.csv",
        "olist-orders-dataset.csv",
        "olist orders dataset.csv",
        "OLIST_ORDERS_DATASET.CSV",
        f"{STEM}s.csv",
        f"{STEM}2.csv",
        f"{STEM}_2.CSV",
        f"{STEM}.csv.GZ",
        f"{STEM}.Parquet",
        f"{STEM} (1).csv",
        f"{STEM} - Copy.csv",
        f"Copy of {STEM}.csv",
        f"{STEM}.part2.csv",
        f"{STEM}-2018-01.csv",
        f"{STEM}_part_2_of_3.csv",
        f"{STEM}.csv.lz4",
        f"{STEM}.csv.rar",
        f"{STEM}.csv.zip",
        f"{STEM}.zip",
        f"{STEM}.csv.bak",
        f"{STEM}.csv.gz.part",
        f"{STEM}.json",
        f"{STEM}.xlsx",
        f"{STEM}.txt",
        f"{STEM}.TSV",
        f"{STEM}.tar.gz",
        f"{STEM}.7z",
        f"{STEM}_part2.txt",
        f"{STEM}_1of2.tsv.gz",
        f"{STEM}2018Q1.csv",
        f"2018-01-31_{STEM}.csv",
        "orders.txt",
        "orders.tsv",
        f".{STEM}.csv.swp",
        STEM,
        "orders.csv",
        "Orders.CSV",
        "orders/part-0.csv",
        "Orders/2018/part-0.csv",
        f"{STEM}_2/part.csv",
        f"{STEM}.csv/part-0.csv",
        f"{STEM.upper()}/part-0.csv",
        f"{STEM}/part-00000",
        f"{STEM}/000000_0",
        f"{STEM}/part-0.csv.lz4",
        f"{STEM}/part-0.CSV",
        f"{STEM}/notes.txt",
        f"{STEM}/.csv",
        f"{STEM}/2018/01.csv",
        f"{STEM}/_temporary/0/part-0.csv",
        f"{STEM}/_delta_log/00000000000000000000.json",
        f"{STEM}/olist_customers_dataset.csv",
        f"2018/{STEM}.csv",
        f"/{STEM}.csv",
        f"old/2018/{STEM} (1).csv",
        f"{STEM}/",
    ],
)
def test_name_similar_to_a_tables_file_is_doubtful(path: str) -> None:
    found = FileNames(OLIST).fate(path)
    assert isinstance(found, Doubtful), found
    assert any("orders" in source.tables for source in found.sources)
    assert found.reason


@given(st.from_regex(r"[a-z0-9]{0,8}", fullmatch=True))
def test_file_with_the_name_of_a_table_and_any_ending_is_never_ignored(ending: str) -> None:
    if not is_marker(f"{STEM}.{ending}"):
        assert not isinstance(OLIST_NAMES.fate(f"{STEM}.{ending}"), Ignored)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "notes.csv",
        "part-00000",
        "pokemon.csv",
        f"my_{STEM}.csv",
        f"{STEM}_summary.csv",
        f"{STEM}/_SUCCESS",
        f"{STEM}/.part-0.csv.crc",
        f"{STEM}/_committed_4911",
        f"{STEM}/.DS_Store",
        f"__MACOSX/._{STEM}.csv",
        f"{STEM}_$folder$",
        f"{STEM}.csv:Zone.Identifier",
        f"{STEM}.csv.sha256",
        f"~${STEM}.xlsx",
        f".~lock.{STEM}.csv#",
        "Thumbs.db",
        "other/part-0.csv",
        "orders",
        "orders.md",
        "dt=2024-01-01/part-0.csv",
        "",
    ],
)
def test_other_names_are_ignored_with_a_reason(path: str) -> None:
    found = FileNames(OLIST).fate(path)
    assert isinstance(found, Ignored), found
    assert found.reason


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("orders_3.csv", "orders.csv"),
        ("orders_2.csv", "orders_2.csv"),
        ("orders_2_2.csv", "orders_2.csv"),
        ("orders_old.csv", "orders_old.csv"),
        ("orders_old_2.csv", "orders_old.csv"),
        ("orders_old/1.csv", "orders_old.csv"),
        ("orders_2/1.csv", "orders_2.csv"),
    ],
)
def test_declared_file_name_takes_precedence_over_a_part_of_another(path: str, file: str) -> None:
    found = FileNames(SHARED).fate(path)
    assert isinstance(found, Taken)
    assert found.source.file == file


@pytest.mark.parametrize("path", ["pokemon_form_conditions.csv", "pokemon_forms.csv", "pokemon-x.csv"])
def test_longer_name_is_not_a_part(path: str) -> None:
    found = FileNames(SHARED).fate(path)
    assert isinstance(found, Ignored)
    assert found.reason.endswith("files of pokemon.csv are named pokemon_2.csv or are in pokemon/")


def test_file_in_the_folder_of_one_table_with_the_name_of_another_is_doubtful_for_both() -> None:
    found = FileNames(SHARED).fate("orders/orders_old.csv")
    assert isinstance(found, Doubtful)
    assert {source.file for source in found.sources} == {"orders.csv", "orders_old.csv"}


@pytest.mark.parametrize(
    ("path", "partition"),
    [
        ("orders/year=2024/part-1.csv", {"year": "2024"}),
        ("orders/year=2024/city=S%C3%A3o%20Paulo/x.parquet", {"year": "2024", "city": "São Paulo"}),
        ("orders/city=100%/x.csv", {"city": "100%"}),
        ("orders/city=%FF/x.csv", {"city": "%FF"}),
        ("orders/city=%00/x.csv", {"city": "%00"}),
        ("orders/city=a=b/x.csv", {"city": "a=b"}),
        ("orders/year=__HIVE_DEFAULT_PARTITION__/x.csv", {"year": None}),
        ("orders/year=/x.csv", {"year": None}),
        ("year=2024/orders.csv", {"year": "2024"}),
        ("orders/run=7/year=2024/x.csv", {"year": "2024"}),
        ("orders/x.csv", {}),
    ],
)
def test_folder_keys_fill_declared_columns(path: str, partition: dict[str, str | None]) -> None:
    names = FileNames(dataset("orders", columns=("id", "year", "city"), ignored=("run",)))
    found = names.fate(path)
    assert isinstance(found, Taken), found
    assert found.partition == partition


@pytest.mark.parametrize("path", ["orders/month=1/x.csv", "month=1/orders.csv", "orders/year=1/year=2/x.csv"])
def test_folders_with_an_undeclared_key_are_doubtful(path: str) -> None:
    found = FileNames(dataset("orders", columns=("id", "year"))).fate(path)
    assert isinstance(found, Doubtful)
    assert path.partition("=")[0].rpartition("/")[2] in found.reason


def test_files_are_sorted_by_the_bytes_of_their_names() -> None:
    keys = ["a_2.csv", "a.csv", "a_10.csv", "a\uffff.csv", "a\U00010000.csv"]
    assert in_order(keys) == ["a.csv", "a_10.csv", "a_2.csv", "a\uffff.csv", "a\U00010000.csv"]


NAMES = st.lists(
    st.sampled_from(
        ["orders", "orders_old", ".csv", ".gz", "_2", " (1)", "/", "year=1", "X", ".", "_SUCCESS"]
    ),
    max_size=6,
).map("".join)


@given(st.sets(NAMES), st.sets(st.sampled_from(sorted(SHARED.tables))), st.lists(NAMES, max_size=2))
def test_every_file_is_either_taken_ignored_or_doubtful(
    paths: set[str], tables: set[str], ignore: list[str]
) -> None:
    found = list_files(SHARED, tables, paths, ignore)
    sorts = [[path for path, _ in found.taken], list(found.ignored), list(found.doubtful)]
    assert sorted(path for sort in sorts for path in sort) == sorted(paths)
    assert not {path for path, _ in found.taken} & set(ignore)


def test_files_of_tables_outside_the_run_are_ignored_with_a_reason_that_names_the_table() -> None:
    found = list_files(SHARED, ["orders"], ["orders.csv", "pokemon.csv", "Pokemon.csv"])
    assert [path for path, _ in found.taken] == ["orders.csv"]
    assert found.ignored == dict.fromkeys(
        ["pokemon.csv", "Pokemon.csv"], "a file of pokemon, which this run does not migrate"
    )
    assert found.doubtful == found.missing == {}


@pytest.mark.parametrize(
    "pattern", ["* (1).csv", "a/orders (1).csv", "a/", "a/*", "orders ?1?.csv", "orders (1).csv"]
)
def test_file_that_matches_an_ignore_pattern_is_ignored(pattern: str) -> None:
    found = list_files(SHARED, ["orders"], ["a/orders (1).csv"], [pattern])
    assert found.ignored == {"a/orders (1).csv": f"the run ignores {pattern}"}
    assert found.missing == {"orders": "orders.csv"}


def test_present_tables_are_the_tables_with_a_file() -> None:
    assert present_tables(SHARED, ["orders_2.csv", "pokemon/x.parquet", "Orders.csv"]) == [
        "orders_2",
        "pokemon",
    ]


@pytest.mark.parametrize(
    "name",
    [f"{STEM}{'1' * 1000}x", "1_" * 500, f"{STEM}{'_' * 1000}x", f"{STEM}{'copy' * 250}x", "copy (1) " * 100],
)
def test_hostile_name_is_matched_without_backtracking(name: str) -> None:
    assert isinstance(FileNames(OLIST).fate(name), Ignored)
