"""Texts of errors: message, detail and hint in one line that names the thing."""

from __future__ import annotations

import pytest

from dataforge.errors import (
    ArchivedFile,
    BackupExists,
    BackupRunning,
    ColumnInFolder,
    DamagedBackup,
    DamagedFile,
    DataForgeError,
    DiskFull,
    DuplicateColumn,
    InvalidInput,
    MissingColumn,
    MissingFile,
    NoFiles,
    NoSuchBackup,
    NoSuchRun,
    RecordTooLong,
    RowSecurity,
    SourceChanged,
    TableChanged,
    TargetRejectsRows,
    UnexpectedFiles,
    UnknownColumn,
    UnknownDataset,
    UnknownTable,
    UnsupportedFormat,
    UnusableBucket,
    WrongEncoding,
    WrongHeader,
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnknownDataset("x", ["b", "a"]), ["'x'", "a, b"]),
        (UnknownTable("olist", "x", ["a"]), ["'x'", "'olist'", "a"]),
        (NoFiles("raw", "olist/"), ["'olist/'", "'raw'", "Upload"]),
        (
            UnexpectedFiles({f"olist/{n}.CSV": "its ending" for n in range(22)}),
            ["22 file(s)", "olist/9.CSV: its ending", "and 2 more", "--ignore", "files --remove"],
        ),
        (UnsupportedFormat("f.csv", "Parquet"), ["f.csv contains Parquet", ".parquet"]),
        (ColumnInFolder("f.csv", ["year"]), ["f.csv", "year", "ignore_partitions=('year',)"]),
        (ArchivedFile("f.csv"), ["f.csv", "restore-object"]),
        (
            MissingFile({"orders": "orders.csv"}, "olist/", [f"{n}_order.csv" for n in range(21)]),
            ["orders (expected orders.csv)", "'olist/'", "0_order.csv, 1_order.csv", "and 1 more"],
        ),
        (MissingColumn("f.csv", ["a", "b"]), ["f.csv", "a, b"]),
        (UnknownColumn("f.csv", "'a'"), ["f.csv", "'a'"]),
        (WrongHeader("f.csv", "no name"), ["f.csv", "no name"]),
        (DamagedFile("f.csv.gz", "gzip", "cut"), ["f.csv.gz", "gzip", "cut", "again"]),
        (RecordTooLong("f.csv", 7, 1 << 20), ["f.csv", "line 7", "1 MiB"]),
        (DuplicateColumn("f.csv", ["a"]), ["f.csv", "a"]),
        (WrongEncoding("f.csv", "it is UTF-16"), ["f.csv", "UTF-16", "Convert"]),
        (SourceChanged("f.csv"), ["f.csv", "again"]),
        (DamagedBackup("b1", ["x: missing", "y: changed"]), ["b1", "x: missing; y: changed"]),
        (BackupExists("olist/b1/manifest.json"), ["olist/b1/manifest.json", "not replaced"]),
        (
            TableChanged("olist.orders", ["column a is missing"]),
            ["olist.orders", "column a is missing", "dataforge doctor"],
        ),
        (
            TargetRejectsRows("olist.orders: no."),
            ["olist.orders", "Change the constraint", "--resume latest"],
        ),
        (NoSuchBackup("There is no backup 'b1'."), ["'b1'", "dataforge backup list", "GET /v1/backups"]),
        (UnusableBucket("raw", "read", "it does not exist"), ["'raw'", "read", "does not exist"]),
        (NoSuchRun("migration 'm1'"), ["migration 'm1'", "dataforge status", "GET /v1/rejections"]),
        (DiskFull("its disk is full"), ["its disk is full", "maxStorageGigabytes", "again"]),
        (BackupRunning("olist", ["backup b1"]), ["'olist'", "backup b1", "has ended"]),
    ],
)
def test_text_names_the_thing_and_what_to_do(error: DataForgeError, words: list[str]) -> None:
    assert all(word in str(error) for word in words)


def test_text_is_message_then_detail_then_hint() -> None:
    error = InvalidInput("No column a.", "Found: b.", "Rename it.")
    assert (error.message, error.detail, error.hint) == ("No column a.", "Found: b.", "Rename it.")
    assert str(error) == "No column a. Found: b. Hint: Rename it."
    assert str(InvalidInput("No column a.")) == "No column a."


def test_hint_of_an_error_replaces_the_hint_of_its_class() -> None:
    assert str(NoSuchRun("restore 'r1'", "Look.")) == "There is no restore 'r1'. Hint: Look."


@pytest.mark.parametrize(
    "error", [MissingFile({"a": "a.csv"}, "p/", ["x"]), RowSecurity(["a"]), UnknownDataset("x", ["a"])]
)
def test_text_is_a_single_line(error: DataForgeError) -> None:
    assert "\n" not in str(error)
