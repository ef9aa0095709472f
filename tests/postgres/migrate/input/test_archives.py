"""Files in zip archives, of names by pattern, and compressed by bz2 and xz are migrated as they are."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
from typing import TYPE_CHECKING, Annotated

import pytest

from dataforge.errors import DamagedFile, UnexpectedFiles
from dataforge.formats.dialect import Csv
from dataforge.tables.columns import Integer, Key, Label, Name
from dataforge.tables.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.migrate.conftest import Forge


class Stop(Row, table="stops", file="stops.txt"):
    """A stop."""

    stop_id: Annotated[Label, Key()]
    stop_name: Name


class Game(Row, table="games", file="Games-*.txt", format=Csv(delimiter=";", header=0)):
    """A game."""

    number: Annotated[Integer, Key()]
    title: Name


@pytest.fixture
def feed(declare: Callable[..., Forge]) -> Forge:
    """A database with the tables ``stops`` and ``games`` of the dataset ``feed``."""
    return declare("feed", Stop=Stop, Game=Game)


def packed(**files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return body.getvalue()


def put(feed: Forge, **files: bytes) -> None:
    for name, body in files.items():
        feed.s3.put_object(Bucket="raw", Key=f"feed/{name}", Body=body)


STOPS = "stop_id,stop_name\n" + "".join(f"{n},Stop {n}\n" for n in range(50))


def test_files_of_archives_are_parts_whose_rejections_are_located_and_replayed(feed: Forge) -> None:
    put(
        feed,
        **{
            "a.zip": packed(**{"feed/stops.txt": STOPS, "feed/Games-1.txt": "1;a\n2;\n", "feed/readme": "x"}),
            "b.zip": packed(**{"stops_old.md": "x", "stops.txt": "stop_id,stop_name\n7,Other\n99,Last\n"}),
            "Games-2.txt.bz2": bz2.compress(b"3;c\n"),
            "Games-3.txt.xz": lzma.compress(b"1;other\n4;d\n"),
        },
    )
    result = feed.migration({"dataset": "feed", "quality_threshold": 0}).run()
    assert {t["table"]: (t["read"], t["loaded"], t["rejected"]) for t in result["tables"]} == {
        "stops": (52, 51, 1),
        "games": (5, 3, 2),
    }
    assert feed.rejections("file", "line", "offset", "codes", "raw") == [
        ("feed/a.zip/feed/Games-1.txt", 1, 0, "conflict", "1;a"),
        ("feed/a.zip/feed/Games-1.txt", 2, 4, "missing", "2;"),
        ("feed/b.zip/stops.txt", 2, 18, "conflict", "7,Other"),
    ]
    assert {*result["ignored_files"]} == {"feed/a.zip/feed/readme", "feed/b.zip/stops_old.md"}
    run = result["migration_id"]
    replayed = feed.migrate(dataset="feed", quality_threshold=0, replay={"migration_id": run})
    assert (replayed["games"]["read"], replayed["games"]["rejected"]) == (2, 2)


def test_damaged_file_of_an_archive_is_named_by_the_failed_run(feed: Forge) -> None:
    body = packed(**{"stops.txt": STOPS, "Games-1.txt": "1;a\n"})
    put(feed, **{"a.zip": body[:60] + bytes(20) + body[80:]})
    with pytest.raises(DamagedFile, match=r"feed/a\.zip/stops\.txt is not a complete zip file"):
        feed.migrate(dataset="feed")
    put(feed, **{"a.zip": body[:100]})
    with pytest.raises(UnexpectedFiles, match=r"feed/a\.zip: it is not a readable zip archive"):
        feed.migrate(dataset="feed")
