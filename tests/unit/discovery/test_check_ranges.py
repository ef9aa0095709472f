"""A check reads a large file in several ranges, with the result of reading it in one piece."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.tables.columns import Integer, Key, Label, References, Text
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from discovery.check.check import check_folder
from discovery.check.plan import plan
from discovery.folders.folder_store import objects_of, store_of
from tests.unit.discovery.folders import write

EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
TEXTS = ("", "a", 'a "b"', "two\nlines", "\n\n", "c,d", "é\r\n")
ROWS = st.lists(
    st.tuples(st.sampled_from(("1", "2", "3", "x", "")), st.sampled_from(TEXTS)), min_size=3, max_size=20
)


class Note(Row, table="notes", file="notes.csv"):
    """Notes with line ends in their texts."""

    number: Annotated[Integer, Key()]
    text: Text | None = None


class Line(Row, table="lines", file="lines.jsonl", distinct=True):
    """Lines that reference notes; identical ones are one."""

    number: Annotated[Integer, References("notes")] | None = None
    text: Text | None = None


class Copy(Row, table="copies", file="copies.parquet"):
    """Every copy counts."""

    number: Label | None = None
    text: Text | None = None


def _csv(rows: list[tuple[str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("number", "text"), *rows])
    return text.getvalue().encode()


def _json_lines(rows: list[tuple[str, str]]) -> bytes:
    return "".join(json.dumps({"number": number, "text": text}) + "\n" for number, text in rows).encode()


def _parquet(rows: list[tuple[str, str]]) -> bytes:
    sink = io.BytesIO()
    columns = {name: [row[place] for row in rows] for place, name in enumerate(("number", "text"))}
    pq.write_table(pa.table(columns), sink, row_group_size=3)
    return sink.getvalue()


@settings(max_examples=EXAMPLES, deadline=None)
@given(notes=ROWS, lines=ROWS, copies=ROWS, range_bytes=st.integers(15, 60))
def test_ranges_have_the_result_of_whole_files(
    notes: list[tuple[str, str]],
    lines: list[tuple[str, str]],
    copies: list[tuple[str, str]],
    range_bytes: int,
) -> None:
    module = ModuleType("ranges")
    vars(module).update({model.__name__: model for model in (Note, Line, Copy)})
    dataset = read_dataset(module)
    files = {
        "notes.csv": _csv(notes),
        "lines.jsonl": _json_lines(lines),
        "copies.parquet": _parquet(copies),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        whole, in_ranges = (
            check_folder(dataset, folder, say=lambda _: None, workers=0, range_bytes=size)
            for size in (1 << 40, range_bytes)
        )
        work = plan(
            store_of(folder), dataset, list(objects_of(folder)), tuple(dataset.tables), (), range_bytes
        )
    assert in_ranges == whole
    assert len(work.items) > len(files)
