"""A table in any format is drafted as the same table, and all of its records load."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.discovery.folders import archive, drafted, json_lines, parquet, zipped

EXAMPLES = int(os.environ.get("EXAMPLES", "5"))
Records = Sequence[Sequence[str | None]]

HEADER = ("order_id", "customer", "total", "sent", "note")
WORDS = st.text(
    st.characters(codec="cp1252", exclude_categories=("Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=9
)
DAYS = st.dates().filter(lambda day: day.year > 1000).map(str)
AMOUNTS = st.integers(0, 10**6).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
NOTES = st.none() | st.text(st.sampled_from('abc ä,;|"\n'), min_size=3, max_size=20).map(
    lambda text: f"x{text}y"
)


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[str | None, ...]]:
    """Records with a key, a name, an amount, a day and an optional note."""
    rows = draw(st.lists(st.tuples(WORDS, AMOUNTS, DAYS, NOTES), min_size=12, max_size=25))
    return [(str(number), f"Name {name}", *rest) for number, (name, *rest) in enumerate(rows, 1)]


def delimited(delimiter: str, quote: str = '"', encoding: str = "utf-8") -> Callable[[Records], bytes]:
    def text(records: Records) -> bytes:
        sink = io.StringIO()
        writer = csv.writer(sink, delimiter=delimiter, quotechar=quote, lineterminator="\r\n")
        writer.writerow(HEADER)
        writer.writerows([field or "" for field in record] for record in records)
        return sink.getvalue().encode(encoding)

    return text


def objects(records: Records) -> bytes:
    return json_lines(*(dict(zip(HEADER, record, strict=True)) for record in records)).encode()


def columnar(records: Records) -> bytes:
    columns = dict(zip(HEADER, map(list, zip(*records, strict=True)), strict=True))
    return parquet(pa.table(columns, schema=pa.schema([(name, pa.string()) for name in HEADER])))


FORMATS: dict[str, Callable[[Records], bytes]] = {
    "comma.csv": delimited(","),
    "semicolon.csv": delimited(";", encoding="cp1252"),
    "tab.tsv": delimited("\t"),
    "pipe.dat": delimited("|", quote="'"),
    "wide.txt": delimited(",", encoding="utf-16"),
    "packed.csv.gz": lambda records: zipped(delimited(",")(records).decode()),
    "archive.zip": lambda records: archive({"inside.csv": delimited(",")(records)}),
    "stored.zip": lambda records: archive({"kept.csv": delimited(";")(records)}, 0),
    "objects.jsonl": objects,
    "columns.parquet": columnar,
}


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
@given(records=tables())
def test_table_is_drafted_alike_from_every_format_and_loads_completely(records: Records) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = drafted(Path(folder), {name: written(records) for name, written in FORMATS.items()})
    assert len(found.tables) == len(FORMATS)
    kinds = [[(c.header, c.declared.kind, c.nullable) for c in table.columns] for table in found.draft.tables]
    assert [kind for kind in kinds if kind != kinds[0]] == []
    assert {table.key for table in found.draft.tables} == {("order_id",)}
    assert {(result.read, result.loaded) for result in found.results.values()} == {
        (len(records), len(records))
    }
