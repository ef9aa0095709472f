"""Profiling reads a large file in several ranges, with the result of reading it in one piece."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.folders.folder import Inventory, take_inventory
from discovery.folders.folder_store import objects_of, store_of
from discovery.profiling.one_file import Profiled
from discovery.profiling.samples import Figures
from discovery.profiling.tables import profile_tables
from tests.unit.discovery.folders import write

EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
TEXTS = ("", "a", 'a "b"', "two\nlines", "\n\n", "c,d", "é\r\n")
ROWS = st.lists(st.tuples(st.integers(0, 99), st.sampled_from(TEXTS)), min_size=20, max_size=40)


@settings(max_examples=EXAMPLES, deadline=None)
@given(rows=ROWS, delimiter=st.sampled_from(",;"), range_bytes=st.integers(15, 30))
def test_ranges_of_a_file_have_its_figures_and_texts(
    rows: list[tuple[int, str]], delimiter: str, range_bytes: int
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([("number", "text"), *rows])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, {"notes.csv": text.getvalue().encode()})
        store = store_of(folder)
        inventory = take_inventory(store, list(objects_of(folder)), lambda _: None)
        whole, in_ranges = (_profile(folder, inventory, Path(name), size) for size in (1 << 40, range_bytes))
    assert len(whole[0]) == 1 < len(in_ranges[0])
    assert whole[1:] == in_ranges[1:]


def _profile(
    folder: Path, inventory: Inventory, written: Path, range_bytes: int
) -> tuple[list[Profiled], list[tuple[object, ...]], list[dict[str, object]]]:
    """The profiled parts, the figures of all together, and the rows."""
    store = store_of(folder)
    [(_, parts)] = profile_tables(store, inventory.tables, written, lambda *_: None, 0, range_bytes)
    columns = [_together(part.columns[place] for part in parts) for place in range(len(parts[0].columns))]
    return parts, columns, [row for part in parts for row in _rows(part.texts)]


def _together(parts: Iterator[Figures]) -> tuple[object, ...]:
    found = Figures()
    for part in parts:
        found.add(part)
    values = sorted(found.sample.values.to_pylist(), key=str)
    return found.present, found.characters, found.longest, found.sample.complete, values


def _rows(path: Path) -> list[dict[str, object]]:
    with pa.ipc.open_file(path) as reader:
        rows: list[dict[str, object]] = reader.read_all().to_pylist()
    return rows
