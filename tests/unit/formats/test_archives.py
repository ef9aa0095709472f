"""Zip archives: their files, the text of one, and the tables that the files belong to."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.files.listing import FileList, list_files
from dataforge.formats.archives import Archive, Member, open_member, read_archive
from dataforge.tables.catalogue import Dataset, Source

FILES = ("stops.txt", "trips.csv", "Games-*.txt")
TABLES = ("stops", "trips", "games")
FEED = Dataset(
    "feed",
    "",
    dict.fromkeys(TABLES),  # type: ignore[arg-type]
    tuple(Source(file, (), (table,)) for file, table in zip(FILES, TABLES, strict=True)),
)


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return body.getvalue()


def listing(archives: dict[str, Archive], *paths: str, ignore: tuple[str, ...] = ()) -> FileList:
    return list_files(FEED, TABLES, [*paths, *archives], ignore, archives=archives.__getitem__)


def of(*paths: str) -> Archive:
    return Archive(tuple(Member(path) for path in paths))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    st.dictionaries(st.sampled_from(["a.csv", "b/a.csv", "é.csv", "日本.csv"]), st.binary(max_size=300)),
)
def test_files_of_an_archive_are_read_as_they_were_packed(method: int, files: dict[str, bytes]) -> None:
    body = packed(files, method)
    archive = read_archive(io.BytesIO(body))
    assert {member.path: member.size for member in archive.members} == {n: len(t) for n, t in files.items()}
    for name, text in files.items():
        with open_member(io.BytesIO(body), name) as stream:
            assert stream.read() == text


def test_names_in_utf_8_without_a_flag_and_with_backslashes_are_read() -> None:
    body = packed({"d__é.csv": b"1"}).replace("d__é".encode(), "d\\_é".encode())
    body = body.replace(struct.pack("<H", 0x800), struct.pack("<H", 0))
    assert read_archive(io.BytesIO(body)).members == (Member("d/_é.csv", 1),)
    with open_member(io.BytesIO(body), "d/_é.csv") as stream:
        assert stream.read() == b"1"


def test_damaged_archive_and_files_have_a_fault() -> None:
    body = packed({"a.csv": b"1" * 100})
    assert "not a readable zip archive" in read_archive(io.BytesIO(body[:-30])).fault
    central = body.rindex(b"PK\x01\x02")
    encrypted = body[: central + 8] + b"\x01" + body[central + 9 :]
    assert "encrypted" in read_archive(io.BytesIO(encrypted)).members[0].fault
    deflate64 = body[: central + 10] + b"\x09" + body[central + 11 :]
    assert "method 9" in read_archive(io.BytesIO(deflate64)).members[0].fault


def test_directory_that_is_too_large_is_not_read() -> None:
    body = packed({"a.csv": b"1"})
    end = body.rindex(b"PK\x05\x06")
    size = (65 << 20).to_bytes(4, "little")
    stream = io.BytesIO(bytes(65 << 20) + body[: end + 12] + size + body[end + 16 :])
    assert "its directory has more than 64 MiB" in read_archive(stream).fault


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_have_a_fault() -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.csv", "1")
        archive.writestr("a.csv", "2")
    assert "2 files of this name" in read_archive(body).members[0].fault


@pytest.mark.parametrize(
    "paths",
    [
        ("stops.txt", "trips.csv"),
        ("feed/stops.txt", "feed/trips.csv", "__MACOSX/feed/._stops.txt"),
        ("stops.txt", "trips/part-0.csv", "year=2024/trips_2.csv"),
    ],
)
def test_files_in_an_archive_belong_where_they_would_beside_it(paths: tuple[str, ...]) -> None:
    found = listing({"feed.zip": of(*paths)}, "Games-1.txt")
    taken = [path for path in paths if not path.startswith(("__", "year"))]
    read = [path for path, _ in found.taken]
    assert {*read} >= {*(f"feed.zip/{path}" for path in taken), "Games-1.txt"}
    assert not found.missing
    assert found.files[0] == "feed.zip"


def test_archive_with_the_name_of_a_table_is_like_its_folder() -> None:
    found = listing({"trips.zip": of("export.csv", "stops.txt"), "Trips (1).zip": of("export.csv")})
    assert [(path, file.source.tables) for path, file in found.taken] == [
        ("trips.zip/stops.txt", ("stops",)),
        ("trips.zip/export.csv", ("trips",)),
    ]
    assert "whose name resembles trips.csv" in found.doubtful["Trips (1).zip/export.csv"]


def test_every_file_in_an_archive_is_read_named_or_refused() -> None:
    members = (
        Member("stops.txt", fault="it is encrypted"),
        *map(Member, ("readme.txt", "inner.zip", "trips.parquet", "trips_2.csv.gz", "old/trips.csv")),
    )
    found = listing({"feed.zip": Archive(members), "bad.ZIP": Archive(fault="damaged"), "no.zip": Archive()})
    assert dict(found.doubtful).keys() == {
        *(
            "feed.zip/stops.txt",
            "feed.zip/trips.parquet",
            "feed.zip/trips_2.csv.gz",
            "feed.zip/old/trips.csv",
        ),
        "bad.ZIP",
    }
    assert found.doubtful["feed.zip/stops.txt"] == "it is encrypted"
    assert dict(found.ignored).keys() == {"feed.zip/readme.txt", "feed.zip/inner.zip", "no.zip"}
    assert not found.taken


def test_path_of_a_file_in_an_archive_and_of_one_in_a_folder_is_refused() -> None:
    assert "a.zip/stops.txt" in listing({"a.zip": of("stops.txt")}, "a.zip/stops.txt").doubtful


def test_ignored_archive_is_not_opened_and_files_in_archives_are_ignored_by_patterns() -> None:
    found = list_files(FEED, TABLES, ["a.zip"], ["*.zip"])
    assert found.ignored == {"a.zip": "the run ignores *.zip"}
    found = listing({"a.zip": of("trips.csv", "stops.txt")}, ignore=("trips*", "x/a.zip/*"))
    assert [path for path, _ in found.taken] == ["a.zip/stops.txt"]


def test_files_that_match_a_pattern_are_parts_in_the_order_of_their_names() -> None:
    names = ("Games-b.txt", "Games-a.txt.gz", "2024=x/Games-c.txt", "Games-.txt")
    found = listing({}, *names)
    assert [path for path, _ in found.taken] == ["Games-.txt", "Games-a.txt.gz", "Games-b.txt"]
    assert "2024=x/Games-c.txt" in found.doubtful
    assert {*found.missing} == {"stops", "trips"}


@pytest.mark.parametrize(
    "name", ["games-1.txt", "GAMES-1.TXT", "Games-1.csv", "Games-1.xlsx", "old/Games-1.txt", "Games-1.csv.xz"]
)
def test_name_similar_to_a_pattern_is_refused(name: str) -> None:
    assert name in listing({}, name).doubtful


@pytest.mark.parametrize("name", ["Game-1.txt", "Games-1.md", "MyGames-1.txt"])
def test_other_name_is_ignored(name: str) -> None:
    assert name in listing({}, name).ignored


def test_file_that_matches_the_patterns_of_two_tables_is_refused() -> None:
    sources = (
        Source("a*.csv", (), ("a",)),
        Source("*b.csv", (), ("b",)),
        Source("*.tsv", (), ("t",)),
        Source("c.csv", (), ("c",)),
    )
    dataset = Dataset("d", "", dict.fromkeys("abct"), sources)  # type: ignore[arg-type]
    found = list_files(dataset, "abc", ["ab.csv", "a_2.csv", "b.csv"])
    assert "readme.txt" in list_files(dataset, "abc", ["readme.txt"]).ignored
    assert "(a*.csv, *b.csv)" in found.doubtful["ab.csv"]
    assert {path for path, _ in found.taken} == {"a_2.csv", "b.csv"}
