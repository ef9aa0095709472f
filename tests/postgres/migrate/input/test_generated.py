"""Generated datasets: every count equals the expected one for any chunk size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.tables.datasets import DATASETS
from local.generate import Expected, generate

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

TABLES = DATASETS["olist"].tables
COUNTS = ("read", "loaded", "deduplicated", "rejected")


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expected]:
    """A dirty dataset with every kind of dirt, and what a run over it must report."""
    folder = tmp_path_factory.mktemp("dirty")
    return folder, generate(folder, orders=300, seed=7, dirty=0.2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few very dirty rows of each table."""
    folder = tmp_path_factory.mktemp("tiny")
    generate(folder, orders=14, seed=3, dirty=0.6)
    return folder


def upload(forge: Forge, folder: Path) -> dict[str, bytes]:
    """Put the files under the prefix; their bytes by key."""
    files = {f"olist/{file.name}": file.read_bytes() for file in folder.glob("*.csv")}
    for key, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=key, Body=body)
    return files


def codes(forge: Forge) -> dict[str, Counter[str]]:
    """Rejected rows per table and code."""
    found: dict[str, Counter[str]] = {name: Counter() for name in TABLES}
    for table, names in forge.rejections("table", "codes"):
        # pydantic has different codes for an invalid date and for text that is not a timestamp.
        found[table].update({n.replace("_from_date", "") for n in names.split()})
    return found


def content(forge: Forge) -> dict[str, list[str]]:
    """Every row of every table."""
    return {name: forge.rows(name) for name in TABLES}


def test_clean_data_is_loaded_completely_and_once(forge: Forge, tmp_path: Path) -> None:
    expected = generate(tmp_path, orders=60, seed=1)
    upload(forge, tmp_path)
    first = forge.migrate()
    stored = content(forge)
    assert {t: [c[n] for n in COUNTS] for t, c in first.items()} == {
        t: [e.read, e.loaded, e.deduplicated, 0] for t, e in expected.tables.items()
    }
    assert {t: len(rows) for t, rows in stored.items()} == {t: c["loaded"] for t, c in first.items()}
    again = forge.migrate()
    assert {t: c["unchanged"] for t, c in again.items()} == {t: c["loaded"] for t, c in first.items()}
    assert not any(c["loaded"] or c["rejected"] for c in again.values())
    assert content(forge) == stored


def test_each_generated_row_has_its_expected_result(forge: Forge, dirty: tuple[Path, Expected]) -> None:
    folder, expected = dirty
    upload(forge, folder)
    first = forge.migrate(quality_threshold=0)
    found = codes(forge)
    for name, wanted in expected.tables.items():
        assert [first[name][n] for n in COUNTS] == [getattr(wanted, n) for n in COUNTS], name
        assert found[name] == wanted.codes, name
    stored = content(forge)
    again = forge.migrate(quality_threshold=0)
    assert content(forge) == stored
    assert codes(forge) == {name: found[name] + found[name] for name in TABLES}
    for name, counts in first.items():
        assert again[name] == counts | {"loaded": 0, "unchanged": counts["loaded"]}


def test_rejection_has_line_offset_and_text_of_record(forge: Forge, dirty: tuple[Path, Expected]) -> None:
    files = upload(forge, dirty[0])
    forge.migrate(quality_threshold=0, chunk_bytes=3000)
    found = forge.rejections("file", "line", "offset", "raw")
    assert len(found) > 100
    for file, line, offset, raw in found:
        data = files[file]
        assert line == 1 + data.count(b"\n", 0, offset)
        assert data[offset - 1 : offset] == b"\n"
        rest = data[offset:].decode(errors="backslashreplace")
        assert rest.startswith(raw)
        assert rest[len(raw) : len(raw) + 2].startswith(("\n", "\r\n")) or rest == raw


@pytest.mark.slow
def test_result_is_same_for_any_chunk_size(
    forge: Forge, another_forge: Callable[[], Forge], tiny: Path
) -> None:
    upload(forge, tiny)
    whole = forge.migrate(quality_threshold=0)
    assert min(counts["rejected"] for counts in whole.values()) > 0
    everything = ("table", "file", "line", "offset", "raw", "errors")
    for size in (64, 1000):
        cut = another_forge()
        assert cut.migrate(quality_threshold=0, chunk_bytes=size) == whole
        assert cut.rejections(*everything) == forge.rejections(*everything)
        assert content(cut) == content(forge)


def test_chunks_are_contiguous_whole_records(forge: Forge, tiny: Path) -> None:
    files = upload(forge, tiny)
    run = forge.migration(chunk_bytes=64).until("load")
    chunks: dict[str, list[Any]] = {}
    for item in run.items["load"]:
        chunks.setdefault(item["key"], []).append(item)
    for key, items in chunks.items():
        data = files[key]
        items.sort(key=lambda item: (item["start"], item["end"]))
        assert [i["start"] for i in items[1:]] + [len(data)] == [i["end"] for i in items]
        assert all(item["line"] == 1 + data.count(b"\n", 0, item["start"]) for item in items)
        assert all(data[item["start"] - 1 : item["start"]] == b"\n" for item in items)
