"""The demo with any folder: which dataset it chooses, the threshold, and the independent count of records."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dataforge import Csv
from dataforge.tables.catalogue import Source
from dataforge.tables.datasets import get_dataset
from local.demo.folder.choose import is_olist, threshold_for
from local.demo.folder.count_files import count_records
from local.demo.steps import Failed
from local.generate import generate

ROWS = 'a;b\n1;"x\ny"\n2;z\n\n3;\n'


def source(dialect: Csv) -> Source:
    return Source("t.csv", ("a", "b"), ("t",), dialect=dialect)


@pytest.mark.parametrize(
    ("name", "body", "dialect", "records"),
    [
        ("t.csv", ROWS.encode(), Csv(delimiter=";"), 3),
        ("t.csv.gz", gzip.compress(ROWS.encode(), mtime=0), Csv(delimiter=";"), 3),
        ("t.csv", f"\ufeff# head\n{ROWS}".encode("utf-16"), Csv(delimiter=";", encoding="utf-16", skip=1), 3),
        ("t.csv", b"1;2\n3;4\n", Csv(delimiter=";", header=0), 2),
        ("t.jsonl", b'{"a": 1}\n\n{"a": 2}\n', Csv(), 2),
        ("t.csv", b"a||b\n1||2\n", Csv(delimiter="||"), None),
        ("t.csv", b"a;b\n# 1;2\n", Csv(delimiter=";", comment="#"), None),
        ("t.csv", b'a;b\n"1"x;2\n', Csv(delimiter=";"), None),
        ("t.csv", b"a;b\n\xff;2\n", Csv(delimiter=";"), None),
        ("t.csv.gz", b"no archive", Csv(), None),
    ],
)
def test_records_are_counted_where_a_reader_of_python_has_the_dialect(
    tmp_path: Path, name: str, body: bytes, dialect: Csv, records: int | None
) -> None:
    file = tmp_path / name
    file.write_bytes(body)
    assert count_records(file, source(dialect)) == records


def test_folder_is_olist_if_it_has_a_file_for_each_table(tmp_path: Path) -> None:
    generate(tmp_path, orders=5, seed=1, dirty=0)
    assert is_olist(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert is_olist(tmp_path)
    (tmp_path / str(get_dataset("olist").table("orders").file)).unlink()
    assert not is_olist(tmp_path)


def result(**tables: tuple[int, int]) -> dict[str, object]:
    """The document of `dataforge check` for tables with (read, rejected) records."""
    read, rejected = (sum(counts[n] for counts in tables.values()) for n in (0, 1))
    return {
        "quality": 1 - rejected / read if read else 1.0,
        "tables": [
            {"table": t, "read": r, "rejected": x, "quality": 1 - x / r if r else 1.0, "reasons": []}
            for t, (r, x) in tables.items()
        ],
    }


@pytest.mark.parametrize(
    ("tables", "threshold"),
    [
        ({"a": (100, 5)}, 0.95),
        ({"a": (100, 0), "b": (0, 0)}, 0.95),
        ({"a": (1000, 0), "b": (29, 9)}, 0.68),
        ({"a": (7, 7)}, 0.0),
    ],
)
def test_threshold_is_lowered_to_the_quality_of_the_files_and_printed(
    tables: dict[str, tuple[int, int]], threshold: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert threshold_for(result(**tables)) == threshold
    assert ("The demo continues with --threshold" in capsys.readouterr().out) == (threshold < 0.95)


def test_files_without_records_end_the_demo() -> None:
    with pytest.raises(Failed, match="no record"):
        threshold_for(result(a=(0, 0)))
