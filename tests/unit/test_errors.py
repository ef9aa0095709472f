"""Every error names a situation, says what it means outside, and stands where the module's own drawing says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from dataforge import errors
from dataforge.errors import (
    ArchivedFile,
    BackupExists,
    BackupRunning,
    Busy,
    ColumnInFolder,
    DamagedBackup,
    DamagedFile,
    DataForgeError,
    DiskFull,
    DuplicateColumn,
    InvalidDeclaration,
    InvalidInput,
    InvalidSettings,
    MissingColumn,
    MissingFile,
    NoFiles,
    NoSuchBackup,
    NoSuchRun,
    OutOfMemory,
    RecordTooLong,
    Refused,
    SourceChanged,
    TableChanged,
    Temporary,
    Unavailable,
    UnexpectedFiles,
    UnknownColumn,
    UnknownDataset,
    UnknownTable,
    UnsupportedFormat,
    UnusableBucket,
    WrongEncoding,
    WrongHeader,
)


def tree(error: type[DataForgeError] = DataForgeError) -> Iterator[type[DataForgeError]]:
    """All errors of Data Forge's module."""
    yield error
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


ALL = sorted(tree(), key=lambda error: error.__name__)


def test_the_drawing_names_every_error_below_its_parent() -> None:
    drawn = re.findall(r"[A-Z]\w+", (errors.__doc__ or "").split("\n\n")[1])
    assert sorted(set(drawn) & {e.__name__ for e in ALL}) == [error.__name__ for error in ALL]
    for family in (InvalidInput, Refused, Temporary):
        below = drawn[drawn.index(family.__name__) :]
        assert all(error.__name__ in below for error in tree(family))


@pytest.mark.parametrize("error", ALL)
def test_an_error_has_a_docstring_and_a_status(error: type[DataForgeError]) -> None:
    assert error.__doc__
    assert isinstance(error.status, HTTPStatus)
    assert error.status >= HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("family", "status"),
    [
        (InvalidInput, HTTPStatus.BAD_REQUEST),
        (Refused, HTTPStatus.CONFLICT),
        (Temporary, HTTPStatus.SERVICE_UNAVAILABLE),
    ],
)
def test_a_family_means_the_same_outside(family: type[DataForgeError], status: HTTPStatus) -> None:
    others = {UnknownDataset: HTTPStatus.NOT_FOUND, UnknownTable: HTTPStatus.NOT_FOUND}
    others |= dict.fromkeys((NoSuchBackup, NoSuchRun), HTTPStatus.NOT_FOUND)
    others |= dict.fromkeys(
        (InvalidSettings, InvalidDeclaration, UnusableBucket), HTTPStatus.INTERNAL_SERVER_ERROR
    )
    assert {error: error.status for error in tree(family)} == {
        error: others.get(error, status) for error in tree(family)
    }


def test_only_leaves_are_raised_for_step_functions_compares_names() -> None:
    assert {error.__name__ for error in tree(Temporary)} == {
        "Temporary",
        "Unavailable",
        "Busy",
        "OutOfMemory",
        "BackupRunning",
    }
    assert not any(error.__subclasses__() for error in (Unavailable, Busy, OutOfMemory, BackupRunning))


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
        (UnsupportedFormat("f.csv", "Parquet"), ["f.csv holds Parquet", ".parquet"]),
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
        (BackupExists("olist/b1/manifest.json"), ["olist/b1/manifest.json", "stands"]),
        (TableChanged("olist.orders", ["column a is missing"]), ["olist.orders", "column a is missing"]),
        (UnusableBucket("raw", "read", "it does not exist"), ["'raw'", "read", "does not exist"]),
        (NoSuchRun("migration 'm1'"), ["migration 'm1'", "dataforge status", "GET /v1/rejections"]),
        (DiskFull("its disk is full"), ["its disk is full", "maxStorageGigabytes", "again"]),
        (BackupRunning("olist", ["backup b1"]), ["'olist'", "backup b1", "when it is over"]),
    ],
)
def test_a_text_names_what_is_wrong_and_the_way_out(error: DataForgeError, words: list[str]) -> None:
    assert all(word in str(error) for word in words)


def test_an_error_of_its_own_text_says_it() -> None:
    plain = [e for e in ALL if "__init__" not in vars(e) and not inspect.isabstract(e)]
    assert all(str(error("because")) == "because" for error in plain)
